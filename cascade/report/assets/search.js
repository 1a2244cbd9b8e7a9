const MOST = 20;
const field = document.getElementById("search");
const list = document.getElementById("found");

field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text) => words.every((word) => text.toLowerCase().includes(word));
  const near = words.length ? PARTS.filter((part) => has(part.heading)) : [];
  const far = words.length ? PARTS.filter((part) => !has(part.heading) && has(`${part.heading} ${part.text}`)) : [];
  list.replaceChildren(...[...near, ...far].slice(0, MOST).map(item));
});

function item(part) {
  const link = document.createElement("a");
  link.href = `${field.dataset.up}${part.page}.html${part.anchor ? `#${part.anchor}` : ""}`;
  link.textContent = `${part.page}: ${part.heading}`;
  const entry = document.createElement("li");
  entry.append(link);
  return entry;
}
