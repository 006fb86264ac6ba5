/**
 * Sizes of tensor axes: a number, or a name for a size known only when the graph runs ('N', '2*N', 'B*N').
 * Products and quotients of names are kept in one canonical form, so that equal sizes compare equal as strings.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];

interface Factors {
  coefficient: number;
  names: string[];
}

function factors(dim: Dim): Factors {
  if (typeof dim === 'number') return { coefficient: dim, names: [] };
  const parts = splitOutside(dim, '*'); // sums, '(2*N+M)', stay whole
  const coefficient = /^\d+$/.test(parts[0]) ? Number(parts.shift()) : 1;
  return { coefficient, names: parts };
}

/** Cut at each `mark` that stands in no parentheses. */
function splitOutside(text: string, mark: '*' | '+'): string[] {
  const parts = [''];
  let depth = 0;
  for (const c of text) {
    if (c === '(') depth++;
    if (c === ')') depth--;
    if (c === mark && depth === 0) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts;
}

function canonical({ coefficient, names }: Factors): Dim {
  if (names.length === 0 || coefficient === 0) return coefficient;
  const sorted = [...names].sort();
  return coefficient === 1 ? sorted.join('*') : `${coefficient}*${sorted.join('*')}`;
}

/** Product of sizes; 1 for none. */
export function product(dims: Shape): Dim {
  return dims.reduce<Dim>((a, b) => {
    const x = factors(a);
    const y = factors(b);
    return canonical({ coefficient: x.coefficient * y.coefficient, names: [...x.names, ...y.names] });
  }, 1);
}

/** a / b when it divides evenly, else undefined. */
export function quotient(a: Dim, b: Dim): Dim | undefined {
  const x = factors(a);
  const y = factors(b);
  const names = [...x.names];
  for (const name of y.names) {
    const at = names.indexOf(name);
    if (at < 0) return undefined;
    names.splice(at, 1);
  }
  if (y.coefficient === 0 || x.coefficient % y.coefficient !== 0) return undefined;
  return canonical({ coefficient: x.coefficient / y.coefficient, names });
}

/** a + b; a sum with a name becomes a name of its own, '(N+M)'. */
export function sum(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return `(${a}+${b})`;
}

/** Factors of a dimension: its number and the names it is a product of. */
export function namesOf(dim: Dim): { coefficient: number; names: readonly string[] } {
  return factors(dim);
}

/** The summands of a name that is a sum, '(2*N+M)'; undefined for other names. */
export function summands(name: string): Dim[] | undefined {
  if (!name.startsWith('(')) return undefined;
  return splitOutside(name.slice(1, -1), '+').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** The number a size stands for, once its names have sizes. */
export function resolve(dim: Dim, size: (name: string) => number): number {
  const { coefficient, names } = factors(dim);
  const value = (name: string): number =>
    summands(name)?.reduce<number>((total, part) => total + resolve(part, size), 0) ?? size(name);
  return names.reduce((product, name) => product * value(name), coefficient);
}

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);
