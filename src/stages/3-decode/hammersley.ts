/** Digits of n in base b, mirrored at the point. */
function radicalInverse(b: number, n: number): number {
  let value = 0;
  for (let rest = n, place = 1 / b; rest > 0; rest = Math.floor(rest / b), place /= b) value += (rest % b) * place;
  return value;
}

/** Point n of `count` spread evenly over [0, 1)³. Source: Hammersley 1960; reference/pipelines.md §4.4. */
export const hammersley3 = (n: number, count: number): [number, number, number] => [
  n / count,
  radicalInverse(2, n),
  radicalInverse(3, n),
];
