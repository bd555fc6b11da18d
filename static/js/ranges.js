// Steps through the ranges of a map with the arrow keys; each range says itself what it is.
(() => {
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    const here = event.target.closest && event.target.closest(".internet .range");
    if (!here || !(event.key in STEPS || event.key === "Home" || event.key === "End")) return;
    const all = [...here.closest(".internet").querySelectorAll(".range")];
    const at = all.indexOf(here);
    const to = { Home: 0, End: all.length - 1 }[event.key] ?? at + STEPS[event.key];
    const next = all[Math.min(all.length - 1, Math.max(0, to))];
    here.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
    event.preventDefault();
  });
})();
