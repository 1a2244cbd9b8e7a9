"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const panels = [
    { title: "Price, USD", lines: [["mark_price", "mark", "mark"], ["last_price", "last trade", "last"], ["index_price", "index", "index"]] },
    { title: "Forced orders that filled, USD", is_bars: true,
      lines: [["long_liquidated_usd", "longs sold", "long"], ["short_liquidated_usd", "shorts bought back", "short"]] },
    { title: "Within 50 bps, USD", lines: [["bid_depth_50bps_usd", "bids", "bid"], ["ask_depth_50bps_usd", "asks", "ask"]] },
    { title: "Open interest, USD", lines: [["open_interest_usd", "open interest", "interest"]] },
    { title: "Fund, USD", lines: [["fund_equity_usd", "insurance fund", "fund"]] },
  ];
  const PANEL = 150, GAP = 36;
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  let about, shown = null, changed = null, status = { runs: {}, what_if: null }, skip = 0, follows = true;

  /* Numbers as people write them. */
  const price = (value) => (value === null || value === undefined ? "none"
    : value.toLocaleString("en-US", { maximumFractionDigits: Math.abs(value) < 10 ? 6 : 2 }));
  const amount = (value) => {
    if (value === null || value === undefined) return "none";
    for (const [size, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]])
      if (Math.abs(value) >= size) return `${(value / size).toFixed(2)}${letter}`;
    return value.toFixed(0);
  };
  const clock = (seconds) => {
    const whole = Math.floor(seconds + 1e-9), days = Math.floor(whole / 86400), two = (n) => String(n).padStart(2, "0");
    const rest = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
    return days ? `day ${days + 1}, ${rest}` : rest;
  };

  const asked = async (name, query = {}) => {
    const found = await (await fetch(`${name}?${new URLSearchParams(query)}`)).json();
    if (found.problem !== undefined) throw new Error(found.problem);
    return found;
  };
  const guarded = (work) => async (...given) => {
    try {
      $("problem").textContent = "";
      await work(...given);
    } catch (error) {
      $("problem").textContent = error.message;
    }
  };
  /* Calls made while one is under way become one more call after it. */
  const single = (work) => {
    let busy = false, again = false;
    const call = guarded(work);
    return async () => {
      if (busy) { again = true; return; }
      busy = true;
      do { again = false; await call(); } while (again);
      busy = false;
    };
  };

  const choice = () => ({ course: $("course").value, replicate: $("replicate").value, market: $("market").value });
  const place = () => Number($("time").value);
  const until = () => (shown && shown.series.t_s.length ? shown.series.t_s[place()] : -1);
  const is_paired = () => status.what_if && status.what_if.course === $("course").value
    && String(status.what_if.replicate) === $("replicate").value;

  const fill = (select, names) => {
    const before = select.value;
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    if (names.map(String).includes(before)) select.value = before;
  };
  const row = (cells, heads) => {
    const line = document.createElement("tr"), head = heads === undefined;
    cells.forEach(([text, is_number], k) => {
      const cell = document.createElement(head || k === 0 ? "th" : "td");
      if (head) cell.scope = "col"; else if (k === 0) cell.scope = "row"; else cell.dataset.label = heads[k];
      if (is_number) cell.className = "num";
      cell.textContent = text;
      line.append(cell);
    });
    return line;
  };

  /* What a market has: on spot nothing is liquidated and no fund stands behind it. */
  const has = (column) => !shown.series.t_s.length || shown.series[column].some((value) => value !== null);
  const is_shown = ({ is_bars, lines }) => lines.some(([column]) => is_bars ? shown.series[column].some(Boolean) : has(column));
  const present = () => panels.filter(is_shown);

  /* The figure: panels on one clock, and a line where the slider stands. */
  const trace = (series, name, role, panel, more = {}) => {
    const seen = LOOKS[role];
    const own = present()[panel].is_bars ? { type: "bar", marker: { color: seen.color, line: { width: 0 } } }
      : { type: "scatter", mode: "lines", line: { color: seen.color, width: 2, dash: seen.dash } };
    return { x: shown.series.t_s, y: series, name, yaxis: panel ? `y${panel + 1}` : "y", xaxis: "x",
      hovertemplate: `%{y:,.5~g} USD<extra>${name}</extra>`, ...own, ...more };
  };
  const traces = () => {
    const found = present().flatMap(({ lines }, panel) => lines.map(([column, name, role]) =>
      trace(shown.series[column], name, role, panel)));
    const other = changed && is_paired() ? changed.series : null;
    if (!other) return found;
    const line = { type: "scatter", mode: "lines", x: other.t_s,
      line: { color: LOOKS.changed.color, width: 2, dash: LOOKS.changed.dash } };
    return found.concat(present().flatMap(({ lines, is_bars }, panel) => (is_bars ? [] : [lines[0]]).map(([column, name, role]) =>
      trace(other[column], `${name}, changed`, role, panel, line))));
  };
  const cursor = () => [{ type: "line", xref: "x", yref: "paper", x0: until(), x1: until(), y0: 0, y1: 1,
    line: { color: "rgba(128,128,128,0.9)", width: 1.5 } }];
  const layout = () => {
    const of = present(), narrow = $("plot").clientWidth < 480, whole = (PANEL + GAP) * of.length - GAP;
    const height = PANEL / whole, end = shown.series.t_s[shown.series.t_s.length - 1] || 0, is_long = end >= 3600;
    const step = STEPS.find((each) => end / each <= (narrow ? 4 : 9)) || 86400 * Math.ceil(end / 86400 / 4);
    const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, k) => k * step), two = (n) => String(n).padStart(2, "0");
    const written = (s) => (is_long ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`);
    const axis = { automargin: true, zeroline: false, gridcolor: "rgba(128,128,128,0.25)",
      linecolor: "rgba(128,128,128,0.6)", separatethousands: true, exponentformat: "B" };
    const found = { height: whole + 72, showlegend: false, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 64, r: 16, t: 24, b: 48 }, font: { family: getComputedStyle(document.body).fontFamily, size: narrow ? 10 : 13 },
      hovermode: "x unified", dragmode: false, barmode: "stack", bargap: 0.15, shapes: cursor(), annotations: [],
      xaxis: { ...axis, fixedrange: true, title: { text: `time since the start (${is_long ? "h:min" : "min:s"})`, standoff: 8 },
        anchor: of.length > 1 ? `y${of.length}` : "y", tickvals: ticks, ticktext: ticks.map(written) } };
    /* The axis of what never moves: a twentieth to either side, and not the last digits of a billion. */
    const still = ({ lines, is_bars }) => {
      const other = changed && is_paired() && !is_bars ? changed.series[lines[0][0]] : [];
      const values = lines.flatMap(([column]) => shown.series[column]).concat(other).filter((value) => value !== null);
      const low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), -Infinity);
      const by = Math.abs(high) / 20 || 1;
      return values.length && high - low < by / 1000 ? { range: [low - by, high + by] } : {};
    };
    of.forEach((panel, k) => {
      const { title } = panel;
      const top = 1 - k * (PANEL + GAP) / whole;
      found[k ? `yaxis${k + 1}` : "yaxis"] = { ...axis, fixedrange: true, domain: [Math.max(top - height, 0), top], anchor: "x",
        nticks: 5, ...still(panel), ...(k === 0 ? { exponentformat: "none" } : {}) };
      found.annotations.push({ text: title, xref: "paper", yref: "paper", x: 0, y: top, xanchor: "left", yanchor: "bottom",
        showarrow: false });
    });
    return found;
  };
  const legend = () => {
    const names = present().flatMap(({ lines }) => lines.map(([, name, role]) => [name, LOOKS[role]]));
    if (changed && is_paired()) names.push(["with the value changed", LOOKS.changed]);
    $("legend").replaceChildren(...names.map(([name, seen]) => {
      const item = document.createElement("li"), key = document.createElement("span"), line = document.createElement("span");
      line.className = "key";
      line.style.cssText = `display:inline-block;width:1.6rem;border-top:3px ${{ dash: "dashed", dashdot: "dashed", dot: "dotted" }[seen.dash] || "solid"} ${seen.color}`;
      key.append(line, name);
      item.append(key);
      return item;
    }));
  };
  const draw = async () => {
    legend();
    $("reading").textContent = shown.every > 1
      ? `Each point stands for ${shown.every} bars: prices and sizes at their end, liquidations added up.` : "Each point is a bar.";
    await Plotly.react($("plot"), traces(), layout(), { displayModeBar: false, responsive: true, showTips: false });
  };

  /* What stands at the slider's time. */
  const total = (column) => shown.series[column].slice(0, place() + 1).reduce((sum, value) => sum + value, 0);
  const card = (what, text) => {
    const box = document.createElement("div"), term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = what;
    said.textContent = text;
    box.append(term, said);
    return box;
  };
  const stand = () => {
    const k = place(), at = (column) => (shown.series.t_s.length ? shown.series[column][k] : null);
    const seconds = Math.max(until(), 0);
    $("now").textContent = `${clock(seconds)} since the start`;
    $("time").setAttribute("aria-valuetext", $("now").textContent);
    const usd = (text) => (text === "none" ? text : `${text} USD`);
    const cards = [["Mark price", "mark_price", price, at], ["Longs sold by forced orders", "long_liquidated_usd", amount, total],
      ["Shorts bought back", "short_liquidated_usd", amount, total], ["Bids within 50 bps", "bid_depth_50bps_usd", amount, at],
      ["Open interest", "open_interest_usd", amount, at], ["Insurance fund", "fund_equity_usd", amount, at]];
    $("cards").replaceChildren(...cards.filter(([, column]) => has(column))
      .map(([what, column, write, of]) => card(what, usd(write(of(column))))));
    $("book").tBodies[0].replaceChildren(...[10, 50, 100].map((bps) => row([[`${bps} bps of the mid`],
      [amount(at(`bid_depth_${bps}bps_usd`)), true], [amount(at(`ask_depth_${bps}bps_usd`)), true]], ["", "bids", "asks"])));
  };
  const TAPE = [["t_s", "time", clock], ["side", "side"], ["account", "account", String], ["liquidated_usd", "closed, USD", amount],
    ["filled_usd", "in the book, USD", amount], ["taken_over_usd", "by the fund, USD", amount], ["adl_usd", "by ADL, USD", amount],
    ["trigger_mark_price", "mark, USD", price], ["slippage_bps", "slippage, bps", (value) => (value === null ? "none" : value.toFixed(1))]];
  const tape = single(async () => {
    const found = await asked("tape", { ...choice(), until: until(), skip });
    const named = found.rows.some((each) => each.label) ? [...TAPE, ["label", "label", (value) => value || ""]] : TAPE;
    const heads = named.map(([, title]) => title);
    $("tape").tHead.replaceChildren(row(named.map(([, title, write]) => [title, write && write !== String])));
    $("tape").tBodies[0].replaceChildren(...found.rows.map((each) =>
      row(named.map(([column, , write]) => [(write || String)(each[column]), write && write !== String]), heads)));
    for (const id of ["tape", "later", "earlier"]) $(id).hidden = found.rows.length === 0;
    const n = found.n === null ? 0 : found.n;
    $("tape-said").textContent = found.n === null ? "This run did not record its liquidations."
      : n === 0 ? "None in this market by this time."
      : `${n.toLocaleString("en-US")} in this market, ${amount(found.liquidated_usd)} USD. Shown: ${skip + 1} to ${skip + found.rows.length}, the latest first.`;
    $("later").disabled = skip === 0;
    $("earlier").disabled = skip + found.rows.length >= n;
  });
  const difference = single(async () => {
    $("difference").hidden = !is_paired();
    if (!is_paired()) return;
    const write = (each, value) => (value === null ? "none" : each.unit === "bps" ? `${value.toFixed(1)} bps`
      : `${each.what.endsWith("price") ? price(value) : amount(value)} USD`);
    const apart = (each) => `${each.difference > 0 ? "+" : ""}${write(each, each.difference)}`;
    const found = await asked("difference", { market: $("market").value, until: until() });
    $("difference").querySelector("tbody").replaceChildren(...found.map((each) => row([[each.what],
      [write(each, each.base), true], [write(each, each.changed), true], [apart(each), true]], ["", "as shown", "changed", "difference"])));
  });

  const scrub = () => {
    stand();
    Plotly.relayout($("plot"), { shapes: cursor() });
    tape();
    difference();
  };
  const load = single(async () => {
    shown = await asked("course", choice());
    changed = is_paired() ? await asked("changed", { market: $("market").value }) : null;
    const last = Math.max(shown.series.t_s.length - 1, 0);
    $("time").max = last;
    if (follows) $("time").value = last;
    stand();
    await draw();
    tape();
    difference();
    document.documentElement.dataset.bars = shown.bars;
    document.documentElement.dataset.drawn = "yes";
  });

  const pick = guarded(async () => {
    const course = about.courses.find((each) => each.name === $("course").value);
    fill($("replicate"), course.replicates);
    fill($("market"), course.markets);
    skip = 0;
    await load();
    const fields = await asked("fields", { course: course.name });
    $("paths").replaceChildren(...fields.map(({ path, value }) => new Option(`now ${value}`, path)));
    $("path").dataset.known = JSON.stringify(Object.fromEntries(fields.map(({ path, value }) => [path, value])));
  });

  /* How far what runs is. */
  const STAGES = { starting: "is being set up", running: "runs", done: "has reached its end", stopped: "was stopped", failed: "failed" };
  const said = (run) => `${STAGES[run.stage]}${run.stage === "running" ? `: ${clock(run.t_s)} of ${clock(run.duration_s)}` : ""}. ${run.kept ? `Its results are in ${run.kept}.` : run.problem}`;
  const tell = () => {
    const run = status.runs[$("course").value];
    $("stage").textContent = run ? `The run ${said(run)}` : "";
    $("asked").textContent = status.what_if
      ? `${status.what_if.change}, replicate ${status.what_if.replicate} of ${status.what_if.course}, ${said(status.what_if)}` : "";
  };
  const listen = () => {
    const news = new EventSource("events");
    news.onmessage = (event) => {
      status = JSON.parse(event.data);
      tell();
      load();
    };
    news.onerror = () => {
      $("stage").textContent = "The server has ended. What is shown is what there was.";
      news.close();
    };
  };

  $("course").addEventListener("change", pick);
  for (const id of ["replicate", "market"]) $(id).addEventListener("change", () => { skip = 0; tell(); load(); });
  $("time").addEventListener("input", () => {
    follows = place() === Number($("time").max);
    skip = 0;
    scrub();
  });
  $("later").addEventListener("click", () => { skip = Math.max(skip - 50, 0); tape(); });
  $("earlier").addEventListener("click", () => { skip += 50; tape(); });
  $("path").addEventListener("change", () => {
    const known = JSON.parse($("path").dataset.known || "{}")[$("path").value];
    $("value").placeholder = known === undefined ? "" : `now ${known}`;
  });
  $("what-if").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const body = JSON.stringify({ ...choice(), path: $("path").value, value: $("value").value });
    const answer = await fetch("what-if", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const found = await answer.json();
    $("refused").textContent = found.problem || "";  // stays until the next is asked, where it was asked
    if (found.problem !== undefined) return;
    status = found;
    tell();
    load();
  }));

  guarded(async () => {
    about = await asked("about");
    fill($("course"), about.courses.map((each) => each.name));
    await pick();
    listen();
  })();
})();
