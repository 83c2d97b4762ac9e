// Without the app's modules there is the recovery page, which needs none of them.
window.addEventListener('load', () => {
  if (!customElements.get('tokay-plot')) location.replace('/.recovery.html');
});
