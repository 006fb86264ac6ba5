/** Index of the stored picture nearest to `picture` by squared distance of its bytes; all of one size. */
export function nearestPicture(picture: Uint8Array, stored: readonly Uint8Array[]): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, other] of stored.entries()) {
    let distance = 0;
    for (let j = 0; j < picture.length; j++) {
      const d = picture[j] - other[j];
      distance += d * d;
      if ((j & 1023) === 1023 && distance >= least) break; // already farther than the best
    }
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}
