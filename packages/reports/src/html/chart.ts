import { scaleLinear } from 'd3-scale';
import { area, curveStepAfter, line } from 'd3-shape';

export type Line = {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly { readonly second: number; readonly value: number }[];
};
export type Band = {
  readonly colour: string;
  readonly points: readonly { readonly second: number; readonly low: number; readonly high: number }[];
};
export type ChartMark = { readonly second: number; readonly name: string };
export type Chart = {
  readonly title: string;
  readonly unit: string;
  readonly seconds: readonly [number, number];
  readonly top: number;
  readonly lines: readonly Line[];
  readonly bands: readonly Band[];
  readonly marks: readonly ChartMark[];
  readonly format: (value: number) => string;
};

const width = 860;
const height = 240;
const margin = { top: 30, right: 16, bottom: 30, left: 62 };

/** A chart as a piece of SVG that needs nothing around it. */
export function chart(input: Chart): string {
  const x = scaleLinear()
    .domain(input.seconds)
    .range([margin.left, width - margin.right]);
  const y = scaleLinear()
    .domain([0, input.top === 0 ? 1 : input.top])
    .nice()
    .range([height - margin.bottom, margin.top]);
  const ticksY = y.ticks(4);
  const ticksX = x.ticks(10);
  const step = line<{ second: number; value: number }>(
    (point) => x(point.second),
    (point) => y(Math.min(point.value, y.domain()[1] ?? 1)),
  ).curve(curveStepAfter);
  const band = area<{ second: number; low: number; high: number }>()
    .x((point) => x(point.second))
    .y0((point) => y(point.low))
    .y1((point) => y(Math.min(point.high, y.domain()[1] ?? 1)))
    .curve(curveStepAfter);
  const grid = ticksY.map(
    (tick) =>
      `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${margin.left - 8}" y="${y(tick) + 4}" text-anchor="end">${text(input.format(tick))}</text>`,
  );
  const axis = ticksX.map(
    (tick) => `<text class="tick" x="${x(tick)}" y="${height - margin.bottom + 18}" text-anchor="middle">${tick} s</text>`,
  );
  const bands = input.bands.map((one) => `<path d="${band([...one.points]) ?? ''}" fill="${one.colour}" opacity="0.16"/>`);
  const lines = input.lines.map((one) => `<path d="${step([...one.points]) ?? ''}" fill="none" stroke="${one.colour}" stroke-width="2"/>`);
  const marks = input.marks.map((mark, index) => {
    const at = x(mark.second);
    const right = at > width * 0.8;
    return `<line class="mark" x1="${at}" x2="${at}" y1="${margin.top}" y2="${height - margin.bottom}"/><text class="marked" x="${at + (right ? -4 : 4)}" y="${margin.top + 10 + (index % 3) * 16}" text-anchor="${right ? 'end' : 'start'}">${text(mark.name)}</text>`;
  });
  const legend = input.lines
    .map((one, index) => `<tspan fill="${one.colour}" dx="${index === 0 ? 0 : 14}">${text(one.name)}</tspan>`)
    .join('');
  return `<figure><figcaption>${text(input.title)} <small>${text(input.unit)}</small></figcaption><div tabindex="0"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${text(input.title)}">${grid.join('')}${axis.join('')}${bands.join('')}${lines.join('')}${marks.join('')}<text class="legend" x="${margin.left}" y="16">${legend}</text></svg></div></figure>`;
}

/** Text that is safe inside HTML and attributes. */
export function text(value: string): string {
  return value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
