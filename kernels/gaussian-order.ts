/** Which Gaussians each tile draws, near to far. Gaussians, not pairs with tiles, are sorted. */
import { SPLAT } from './gaussian-projection';

function tilesOf(rect: usize): i32 {
  return (load<i32>(rect, 8) - load<i32>(rect)) * (load<i32>(rect, 12) - load<i32>(rect, 4));
}

/**
 * The drawn Gaussians by depth, ties by number, as (depth bits, number) at `sorted`; the first pair of each at `bases`; the
 * first list entry of each tile at `offsets` [tiles + 1]; → the number of pairs (exact below 2⁵³), and that of drawn Gaussians
 * at `drawnCount`.
 */
export function order(
  count: i32,
  splats: usize,
  rects: usize,
  bases: usize,
  tilesX: i32,
  tiles: i32,
  sorted: usize,
  spare: usize,
  histogram: usize,
  offsets: usize,
  drawnCount: usize,
): f64 {
  memory.fill(histogram, 0, 3 * 8192);
  memory.fill(offsets, 0, (usize(tiles) + 1) << 2);
  let pairs: f64 = 0;
  let drawn = 0;
  for (let i = 0; i < count; i++) {
    const rect = rects + (usize(i) << 4);
    const n = tilesOf(rect);
    store<i32>(bases + (usize(i) << 2), i32(pairs));
    if (n === 0) continue;
    pairs += n;
    const key = load<u32>(splats + usize(i) * SPLAT, 36); // depths are positive: their bits sort as they do
    store<u32>(spare + (usize(drawn) << 3), key);
    store<i32>(spare + (usize(drawn) << 3), i, 4);
    drawn++;
    for (let pass: u32 = 0; pass < 3; pass++) {
      const bin = histogram + (pass << 13) + (((key >> (pass * 11)) & 2047) << 2);
      store<i32>(bin, load<i32>(bin) + 1);
    }
    const y1 = load<i32>(rect, 12);
    const x1 = load<i32>(rect, 8);
    for (let y = load<i32>(rect, 4); y < y1; y++)
      for (let x = load<i32>(rect); x < x1; x++) {
        const at = offsets + (usize(y * tilesX + x + 1) << 2);
        store<i32>(at, load<i32>(at) + 1);
      }
  }
  store<i32>(bases + (usize(count) << 2), i32(pairs));
  store<i32>(drawnCount, drawn);
  for (let t: usize = 1; t <= usize(tiles); t++)
    store<i32>(offsets + (t << 2), load<i32>(offsets + (t << 2)) + load<i32>(offsets + (t << 2) - 4));
  // Three stable passes over 11 bits: spare → sorted → spare → sorted.
  let source = spare;
  let target = sorted;
  for (let pass: u32 = 0; pass < 3; pass++) {
    const bins = histogram + (pass << 13);
    let start = 0;
    for (let bin: usize = 0; bin < 2048; bin++) {
      const n = load<i32>(bins + (bin << 2));
      store<i32>(bins + (bin << 2), start);
      start += n;
    }
    for (let k: usize = 0; k < usize(drawn); k++) {
      const entry = load<u64>(source + (k << 3));
      const bin = bins + (((u32(entry) >> (pass * 11)) & 2047) << 2);
      const place = load<i32>(bin);
      store<i32>(bin, place + 1);
      store<u64>(target + (usize(place) << 3), entry);
    }
    const swap = source;
    source = target;
    target = swap;
  }
  return pairs;
}

/** Each tile's entries (Gaussian, pair) in order. `cursors` [tiles] is overwritten. */
export function fill(
  drawn: i32,
  rects: usize,
  bases: usize,
  tilesX: i32,
  tiles: i32,
  sorted: usize,
  offsets: usize,
  cursors: usize,
  list: usize,
): void {
  memory.copy(cursors, offsets, usize(tiles) << 2);
  for (let k: usize = 0; k < usize(drawn); k++) {
    const i = load<i32>(sorted + (k << 3), 4);
    const rect = rects + (usize(i) << 4);
    let pair = load<i32>(bases + (usize(i) << 2));
    const y1 = load<i32>(rect, 12);
    const x1 = load<i32>(rect, 8);
    for (let y = load<i32>(rect, 4); y < y1; y++)
      for (let x = load<i32>(rect); x < x1; x++) {
        const cursor = cursors + (usize(y * tilesX + x) << 2);
        const at = load<i32>(cursor);
        store<i32>(cursor, at + 1);
        store<i32>(list + (usize(at) << 3), i);
        store<i32>(list + (usize(at) << 3), pair++, 4);
      }
  }
}
