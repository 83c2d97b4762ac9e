/** Drive a Gecko OS device from a browser or from Node 20. See tokay.js. */

export const RESULTS: readonly string[];
export const CHUNK: number;

export type Data = string | ArrayBuffer | ArrayBufferView;
export type Progress = (bytes: number, of: number) => void;

export interface DeviceOptions {
  username?: string;
  password?: string;
  /** Limit of one command, in ms. */
  timeout?: number;
  /** How often what is safe to repeat is asked again. */
  retries?: number;
  fetch?: typeof fetch;
  WebSocket?: typeof WebSocket;
}

export interface CommandOptions {
  timeout?: number;
  retries?: number;
  signal?: AbortSignal;
}

export interface FileRow { name: string; size: number; version: string; type: number; flags: number }
export interface StreamRow { handle: number; type: string; info: string }

export class CommandError extends Error {
  readonly line: string;
  /** 1 to 9. */
  readonly code: number;
  readonly response: string;
}

export class HttpError extends Error {
  readonly status: number;
}

export class Device extends EventTarget {
  constructor(url?: string, options?: DeviceOptions);
  readonly url: string;
  readonly connected: boolean;
  timeout: number;
  retries: number;
  request(path: string, options?: CommandOptions & { method?: string; body?: BodyInit }): Promise<Response>;
  command(line: string, data?: Data, options?: CommandOptions & { bytes?: false }): Promise<string>;
  command(line: string, data: Data | undefined, options: CommandOptions & { bytes: true }): Promise<Uint8Array>;
  connect(options?: { signal?: AbortSignal }): Promise<void>;
  disconnect(): void;
  get(name: string, options?: CommandOptions): Promise<string>;
  getGroup(name?: string, options?: CommandOptions): Promise<Map<string, string>>;
  set(name: string, value: string | number | boolean, options?: CommandOptions): Promise<string>;
  name(options?: CommandOptions): Promise<string>;
  save(options?: CommandOptions): Promise<string>;
  files(options?: CommandOptions): Promise<FileRow[]>;
  readFile(name: string, options?: { progress?: Progress; signal?: AbortSignal; timeout?: number }): Promise<Uint8Array>;
  writeFile(name: string, data: Data, options?: {
    progress?: Progress; signal?: AbortSignal; replace?: boolean; unprotected?: boolean; version?: string;
  }): Promise<void>;
  deleteFile(name: string, options?: CommandOptions): Promise<string>;
  streams(options?: CommandOptions): Promise<StreamRow[]>;
  read(handle: number, size?: number, options?: CommandOptions): Promise<Uint8Array>;
  write(handle: number, data: Data, options?: CommandOptions & { progress?: Progress }): Promise<void>;
  closeStream(handle: number, options?: CommandOptions): Promise<string>;
  stream(options?: { signal?: AbortSignal }): Promise<DeviceStream>;
  log(options?: { signal?: AbortSignal }): Promise<string[]>;
  watchLog(options?: { period?: number; signal?: AbortSignal }): AsyncGenerator<string, void, void>;
}

export class DeviceStream extends EventTarget implements AsyncIterable<Uint8Array> {
  readonly open: boolean;
  send(data: Data): void;
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array>;
}

export function toBytes(data: Data): Uint8Array;
export function toText(bytes: Uint8Array): string;
export function toBase64(bytes: Uint8Array): string;
export function fromBase64(text: string): Uint8Array;
export function quote(word: string | number | boolean): string;
export function crc16(data: Data): number;
export function crc32(data: Data): number;
