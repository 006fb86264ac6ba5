/** Which triangles each band draws, and which corners meet at each vertex. */

/** Where each triangle's and each band's entries begin; → their number. */
export function order(count: i32, bands: usize, bandCount: i32, bases: usize, offsets: usize): f64 {
  memory.fill(offsets, 0, (usize(bandCount) + 1) << 2);
  let entries: f64 = 0;
  for (let t = 0; t < count; t++) {
    const from = load<i32>(bands + (usize(t) << 3));
    const to = load<i32>(bands + (usize(t) << 3), 4);
    store<i32>(bases + (usize(t) << 2), i32(entries));
    entries += to - from;
    for (let b = from; b < to; b++) {
      const at = offsets + (usize(b + 1) << 2);
      store<i32>(at, load<i32>(at) + 1);
    }
  }
  store<i32>(bases + (usize(count) << 2), i32(entries));
  for (let b: usize = 1; b <= usize(bandCount); b++)
    store<i32>(offsets + (b << 2), load<i32>(offsets + (b << 2)) + load<i32>(offsets + (b << 2) - 4));
  return entries;
}

/** Each band's triangles, in their order. */
export function fill(count: i32, bands: usize, bandCount: i32, offsets: usize, cursors: usize, list: usize): void {
  memory.copy(cursors, offsets, usize(bandCount) << 2);
  for (let t = 0; t < count; t++) {
    const to = load<i32>(bands + (usize(t) << 3), 4);
    for (let b = load<i32>(bands + (usize(t) << 3)); b < to; b++) {
      const cursor = cursors + (usize(b) << 2);
      const at = load<i32>(cursor);
      store<i32>(cursor, at + 1);
      store<i32>(list + (usize(at) << 2), t);
    }
  }
}

/** The corners 3·t + k that meet at each vertex, in their order: `starts` [V + 1], `corners` [3·F]. */
export function corners(vertices: i32, faces: i32, indices: usize, starts: usize, cursors: usize, out: usize): void {
  memory.fill(starts, 0, (usize(vertices) + 1) << 2);
  for (let c: usize = 0; c < usize(3 * faces); c++) {
    const at = starts + (usize(load<i32>(indices + (c << 2)) + 1) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
  for (let v: usize = 1; v <= usize(vertices); v++)
    store<i32>(starts + (v << 2), load<i32>(starts + (v << 2)) + load<i32>(starts + (v << 2) - 4));
  memory.copy(cursors, starts, usize(vertices) << 2);
  for (let c: usize = 0; c < usize(3 * faces); c++) {
    const cursor = cursors + (usize(load<i32>(indices + (c << 2))) << 2);
    const at = load<i32>(cursor);
    store<i32>(cursor, at + 1);
    store<i32>(out + (usize(at) << 2), i32(c));
  }
}
