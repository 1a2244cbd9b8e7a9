"use strict";
(() => {
  const config = { displayModeBar: false, responsive: true, showTips: false };
  const tasks = [];

  /* Paper has another width than the window: there a figure is scaled as a whole, since printing waits for no drawing. */
  const fit = (plot) => {
    const { width, height } = plot._fullLayout;
    plot.style.setProperty("--shape", `${width} / ${height}`);
    for (const svg of plot.querySelectorAll(".main-svg")) svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  };

  /* On a phone text is smaller, and a long name beside an axis stands in lines of its own. */
  const LINE = 22;
  const narrow = (layout) => {
    layout.font.size = 10;
    for (const axis of Object.keys(layout).filter((key) => key.startsWith("yaxis")).map((key) => layout[key])) {
      const names = axis.categoryarray || [];
      const said = names.map((name) => String(name).replace(new RegExp(`(.{1,${LINE}})(?:\\s|$)`, "g"), "$1<br>").replace(/<br>$/, ""));
      const lines = Math.max(1, ...said.map((name) => name.split("<br>").length));
      if (lines === 1) continue;
      Object.assign(axis, { tickmode: "array", tickvals: names, ticktext: said });
      layout.height *= 1 + 0.25 * (lines - 1);
    }
  };

  /* Draw every figure from the data beside it, all before the page has loaded: what prints a page waits for nothing else. */
  for (const data of document.querySelectorAll("script[data-for]")) {
    const plot = document.getElementById(data.dataset.for);
    const spec = JSON.parse(data.textContent);
    if (plot.clientWidth < 480) narrow(spec.layout);
    spec.layout.font.family = getComputedStyle(document.body).fontFamily;
    tasks.push(Plotly.newPlot(plot, spec.data, spec.layout, config));
    fit(plot);
    plot.on("plotly_afterplot", () => fit(plot));
  }
  Promise.all(tasks).then(() => { document.documentElement.dataset.drawn = "yes"; });

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
})();
