// Another connector brings its own values: the form is asked for anew, with what that one is.
(() => {
  const form = document.querySelector("form[data-loads]");
  if (!form) return;
  const { connector, loaded } = form.elements;
  connector.addEventListener("change", () => {
    if (connector.value !== loaded.value) {
      location.assign(`${form.action}?connector=${encodeURIComponent(connector.value)}`);
    }
  });
})();
