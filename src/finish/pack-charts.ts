/** Charts side by side in one square: as large as possible, all at one scale, with free texels between them. */
import type { FlatChart } from './flatten-charts.ts';
import { turnOfEvents } from './turn-of-events.ts';

/** Where a chart lies: its xy, turned by `turns` quarters about its box, times `scale`, from (x, y). In texels. */
export interface ChartPlace {
  readonly turns: 0 | 1 | 2 | 3;
  readonly x: number;
  readonly y: number;
}

export interface PackedCharts {
  readonly places: readonly ChartPlace[];
  /** Texels per length. */
  readonly scale: number;
  /** Texels that the boxes of the charts reach, along the longer side. */
  readonly reach: number;
}

/** The largest scale is found to this share. */
const SCALE_STEP = 0.005;
/** A chart smaller than this share of a texel is nothing to look at: the texture is too small. */
const SMALLEST_SCALE = 1e-4;

/**
 * The highest charts first, each where its top comes to lie lowest above the horizon of those before, in the best of four
 * turns. The scale is the largest, within half a percent, at which all fit.
 * @returns undefined when they do not fit at any scale: there are too many for their padding
 * Source: Lévy et al. 2002, "Least squares conformal maps for automatic texture atlas generation", §4.
 */
export async function packCharts(
  charts: readonly FlatChart[],
  size: number,
  padding: number,
  signal?: AbortSignal,
): Promise<PackedCharts | undefined> {
  const outlines = charts.map(outlineOf);
  const area = charts.reduce((sum, chart) => sum + areaOf(chart), 0);
  const most = size / Math.sqrt(Math.max(area, 1e-300));
  let low = 0;
  let high = most;
  let best: PackedCharts | undefined;
  for (let scale = 0.8 * most; high - low > SCALE_STEP * high && scale > SMALLEST_SCALE * most; ) {
    await turnOfEvents(signal);
    const packed = packAt(outlines, scale, size, padding);
    if (packed) {
      best = packed;
      low = scale;
    } else high = scale;
    scale = low > 0 ? (low + high) / 2 : 0.8 * scale;
  }
  return best;
}

/** Row of a chart → its texel coordinates (x, y). */
export function placing(
  chart: FlatChart,
  { places, scale }: PackedCharts,
  i: number,
): (row: number) => [number, number] {
  const { xy } = chart;
  const { turns, x, y } = places[i];
  const { width, height } = boxOf(xy);
  const [columns, rows] = [texelsOf(width, scale), texelsOf(height, scale)];
  return (row) => {
    const [across, down] = [scale * xy[2 * row], scale * xy[2 * row + 1]];
    if (turns === 0) return [x + across, y + down];
    if (turns === 1) return [x + down, y + scale * width - across];
    if (turns === 2) return [x + columns - across, y + rows - down];
    return [x + rows - down, y + columns - scale * width + across];
  };
}

const texelsOf = (length: number, scale: number): number => Math.max(1, Math.ceil(length * scale));

function boxOf(xy: Float64Array): { width: number; height: number } {
  let [width, height] = [0, 0];
  for (let i = 0; i < xy.length; i += 2) {
    width = Math.max(width, xy[i]);
    height = Math.max(height, xy[i + 1]);
  }
  return { width, height };
}

/** The edges around a chart, and its box. */
interface Outline {
  readonly edges: Float64Array; // [n, 4]: from x, y to x, y
  readonly width: number;
  readonly height: number;
}

function outlineOf({ corners, xy }: FlatChart): Outline {
  const rows = xy.length / 2;
  const inner = new Set<number>();
  for (let h = 0; h < corners.length; h++) inner.add(corners[h] * rows + corners[h % 3 === 2 ? h - 2 : h + 1]);
  const edges: number[] = [];
  for (let h = 0; h < corners.length; h++) {
    const [a, b] = [corners[h], corners[h % 3 === 2 ? h - 2 : h + 1]];
    if (!inner.has(b * rows + a)) edges.push(xy[2 * a], xy[2 * a + 1], xy[2 * b], xy[2 * b + 1]);
  }
  return { edges: Float64Array.from(edges), ...boxOf(xy) };
}

function areaOf({ corners, xy }: FlatChart): number {
  let area = 0;
  for (let i = 0; i < corners.length; i += 3) {
    const [a, b, c] = [2 * corners[i], 2 * corners[i + 1], 2 * corners[i + 2]];
    area += Math.abs((xy[b] - xy[a]) * (xy[c + 1] - xy[a + 1]) - (xy[c] - xy[a]) * (xy[b + 1] - xy[a + 1])) / 2;
  }
  return area;
}

/** By column of texels: what a chart covers, padding included, from `tops` to `bottoms`. */
interface Profile {
  readonly tops: Int32Array;
  readonly bottoms: Int32Array;
  readonly height: number;
}

function packAt(outlines: readonly Outline[], scale: number, size: number, padding: number): PackedCharts | undefined {
  const margin = Math.ceil(padding / 2); // free texels on each side of a chart
  const order = outlines.map((_, i) => i).sort((a, b) => outlines[b].height - outlines[a].height || a - b);
  const horizon = new Int32Array(size);
  const places: ChartPlace[] = new Array(outlines.length);
  let reach = 0;
  for (const i of order) {
    const outline = outlines[i];
    if (Math.max(outline.width, outline.height) * scale + 2 * margin > size) return undefined;
    const upright = profileOf(outline, scale, margin, false);
    const lying = profileOf(outline, scale, margin, true);
    let best: { turns: ChartPlace['turns']; x: number; y: number; profile: Profile } | undefined;
    let lowest = size; // of the chart's last row
    let least = Number.POSITIVE_INFINITY; // free texels below the horizon that the place would waste
    for (const turns of [0, 2, 1, 3] as const) {
      const profile = turns === 0 ? upright : turns === 1 ? lying : turnedOver(turns === 2 ? upright : lying);
      const { tops, height } = profile;
      const width = tops.length;
      for (let x = 0; x + width <= size; x++) {
        let y = 0;
        for (let j = 0; j < width; j++) {
          const needed = horizon[x + j] - tops[j];
          if (needed > y) {
            y = needed;
            if (y + height > lowest) break;
          }
        }
        if (y + height > lowest) continue;
        let waste = 0;
        for (let j = 0; j < width; j++) waste += y + tops[j] - horizon[x + j];
        if (y + height === lowest && waste >= least) continue;
        lowest = y + height;
        least = waste;
        best = { turns, x, y, profile };
      }
    }
    if (!best) return undefined;
    const { x, y, turns, profile } = best;
    for (let j = 0; j < profile.tops.length; j++) horizon[x + j] = Math.max(horizon[x + j], y + profile.bottoms[j]);
    places[i] = { turns, x: x + margin, y: y + margin };
    reach = Math.max(reach, x + profile.tops.length, lowest);
  }
  return { places, scale, reach };
}

/** A lying chart is turned by a quarter, (x, y) → (y, width − x). */
function profileOf({ edges, width, height }: Outline, scale: number, margin: number, lies: boolean): Profile {
  const columns = texelsOf(lies ? height : width, scale);
  const rows = texelsOf(lies ? width : height, scale);
  const low = new Float64Array(columns).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(columns).fill(Number.NEGATIVE_INFINITY);
  for (let e = 0; e < edges.length; e += 4) {
    let ax = scale * (lies ? edges[e + 1] : edges[e]);
    let ay = scale * (lies ? width - edges[e] : edges[e + 1]);
    let bx = scale * (lies ? edges[e + 3] : edges[e + 2]);
    let by = scale * (lies ? width - edges[e + 2] : edges[e + 3]);
    if (ax > bx) [ax, ay, bx, by] = [bx, by, ax, ay];
    const slope = bx > ax ? (by - ay) / (bx - ax) : 0;
    const first = Math.min(columns - 1, Math.floor(ax));
    const last = Math.min(columns - 1, Math.floor(bx));
    for (let j = first; j <= last; j++) {
      const from = j <= ax ? ay : ay + slope * (j - ax);
      const to = j + 1 >= bx ? by : ay + slope * (j + 1 - ax);
      low[j] = Math.min(low[j], from, to);
      high[j] = Math.max(high[j], from, to);
    }
  }
  const tops = new Int32Array(columns + 2 * margin).fill(rows + 2 * margin);
  const bottoms = new Int32Array(columns + 2 * margin);
  for (let j = 0; j < columns; j++) {
    if (!(low[j] <= high[j])) continue;
    const top = Math.floor(low[j]);
    const bottom = Math.max(top + 1, Math.ceil(high[j])) + 2 * margin;
    for (let k = j; k <= j + 2 * margin; k++) {
      tops[k] = Math.min(tops[k], top);
      bottoms[k] = Math.max(bottoms[k], bottom);
    }
  }
  return { tops, bottoms, height: rows + 2 * margin };
}

function turnedOver({ tops, bottoms, height }: Profile): Profile {
  return { tops: bottoms.map((v) => height - v).reverse(), bottoms: tops.map((v) => height - v).reverse(), height };
}
