"use strict";
(() => {
  const config = { displayModeBar: false, responsive: true, showTips: false };
  const plots = [];

  /* Draw every figure from the data beside it, one at a time, so that the page answers meanwhile. */
  const waiting = [...document.querySelectorAll("script[data-for]")];
  const next = () => {
    const data = waiting.shift();
    if (!data) {
      document.documentElement.dataset.drawn = "yes";
      return;
    }
    const plot = document.getElementById(data.dataset.for);
    const spec = JSON.parse(data.textContent);
    if (plot.clientWidth < 480) spec.layout.font.size = 10;
    spec.layout.font.family = getComputedStyle(document.body).fontFamily;
    Plotly.newPlot(plot, spec.data, spec.layout, config).then(() => {
      plots.push(plot);
      setTimeout(next);
    });
  };
  next();

  /* A key of the legend shows and hides its series. */
  document.addEventListener("click", (event) => {
    const key = event.target.closest("button[data-series]");
    if (!key) return;
    const shown = key.getAttribute("aria-pressed") !== "true";
    key.setAttribute("aria-pressed", String(shown));
    const plot = key.closest("figure").querySelector(".plot");
    const mine = plot.data.flatMap((trace, k) => (trace.name === key.dataset.series ? [k] : []));
    Plotly.restyle(plot, { visible: shown }, mine);
  });

  /* Paper has another width than the window. */
  const resize = () => plots.forEach((plot) => Plotly.Plots.resize(plot));
  window.addEventListener("beforeprint", resize);
  window.addEventListener("afterprint", resize);
})();
