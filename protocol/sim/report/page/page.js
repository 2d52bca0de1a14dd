const FIGURES = JSON.parse(document.getElementById("figures").textContent);
const CONFIG = {
  displaylogo: false,
  modeBarButtons: [["toImage", "resetScale2d"]],
};
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Set();

function color(token) {
  const [name, alpha] = token.slice(1).split("/");
  return getComputedStyle(root).getPropertyValue("--" + name).trim() + (alpha || "");
}

// "@ink" becomes the theme's colour; arrays of numbers are left alone, they are long
function painted(value) {
  if (typeof value === "string") return value.startsWith("@") ? color(value) : value;
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(painted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, painted(part)]));
}

function base(narrow) {
  const axis = {
    gridcolor: "@line", linecolor: "@line", zerolinecolor: "@line", automargin: true,
    title: { font: { size: 12, color: "@muted" }, standoff: 10 },
  };
  return painted({
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "@muted" },
    margin: { l: narrow ? 44 : 64, r: 16, t: 26, b: 40 },
    xaxis: { ...axis, showgrid: false },
    yaxis: { ...axis, },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", xanchor: "left", traceorder: "normal" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "@muted", activecolor: "@ink" },
    hoverlabel: { bgcolor: "@card", bordercolor: "@line", font: { color: "@ink" } },
  });
}

function draw(element) {
  const { data, layout } = FIGURES[element.dataset.figure];
  const template = base(element.clientWidth < 560);
  const { xaxis, yaxis, ...rest } = template;
  const merged = { ...rest, ...painted(layout), margin: { ...rest.margin, ...layout.margin } };
  for (const key of Object.keys(merged)) {
    if (key.startsWith("xaxis")) merged[key] = { ...xaxis, ...merged[key], title: { ...xaxis.title, ...merged[key].title } };
    if (key.startsWith("yaxis")) merged[key] = { ...yaxis, ...merged[key], title: { ...yaxis.title, ...merged[key].title } };
  }
  merged.xaxis ??= xaxis;
  merged.yaxis ??= yaxis;
  drawn.add(element);
  Plotly.react(element, painted(data), merged, CONFIG);
}

function setTheme(dark) {
  root.dataset.theme = dark ? "dark" : "light";
  drawn.forEach(draw);
}

document.getElementById("theme").addEventListener("click", () => setTheme(root.dataset.theme !== "dark"));
system.addEventListener("change", (event) => setTheme(event.matches));
setTheme(system.matches);

// one figure at a time: the page can be read and scrolled from the start
const resized = new ResizeObserver((entries) => entries.forEach((entry) => Plotly.Plots.resize(entry.target)));
function drawNext([element, ...rest]) {
  if (!element) return;
  draw(element);
  resized.observe(element);
  setTimeout(drawNext, 0, rest);
}
drawNext([...document.querySelectorAll(".plot")]);
