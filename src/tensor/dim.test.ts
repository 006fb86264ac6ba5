import { expect, it } from 'vitest';
import { product, quotient, resolve, sameShape, showShape, sum, summands } from './dim.ts';

it('products of names are equal in whatever order they are written', () => {
  expect(product([])).toBe(1);
  expect(product([2, 3])).toBe(6);
  expect(product(['N', 2, 'B', 3])).toBe('6*B*N');
  expect(product(['B*N', 6])).toBe(product([3, '2*N', 'B']));
  expect(product(['N', 'N'])).toBe('N*N');
  expect(product(['N', 0])).toBe(0);
});

it('quotients exist only when they come out even', () => {
  expect(quotient('6*B*N', '2*N')).toBe('3*B');
  expect(quotient('N', 'N')).toBe(1);
  expect(quotient(6, 4)).toBeUndefined();
  expect(quotient('3*N', 2)).toBeUndefined();
  expect(quotient(6, 'N')).toBeUndefined();
  expect(quotient('N', 'N*N')).toBeUndefined();
  expect(quotient(6, 0)).toBeUndefined();
});

it('a sum with a name stays whole in products', () => {
  expect(sum(2, 3)).toBe(5);
  expect(sum('N', 0)).toBe('N');
  expect(sum(0, 'N')).toBe('N');
  const both = sum('2*N', 'M');
  expect(both).toBe('(2*N+M)');
  expect(product([both, 'A', 3])).toBe('3*(2*N+M)*A');
  expect(quotient(product([both, 'A', 3]), both)).toBe('3*A');
});

it('a sum comes apart again, however deep it is nested', () => {
  const deep = sum(product([2, sum('A', 'B')]), sum(product([16, 'C']), 3));
  expect(deep).toBe('(2*(A+B)+(16*C+3))');
  expect(summands(deep as string)).toEqual(['2*(A+B)', '(16*C+3)']);
  expect(summands('N')).toBeUndefined();
  expect(product([deep, 'A', 2])).toBe('2*(2*(A+B)+(16*C+3))*A');
  const sizes: Record<string, number> = { A: 1, B: 2, C: 4 };
  expect(resolve(product([deep, 5]), (name) => sizes[name])).toBe(5 * (2 * 3 + 16 * 4 + 3));
});

it('shapes are shown and compared', () => {
  expect(showShape(['N', 8])).toBe('[N, 8]');
  expect(sameShape(['N', 8], ['N', 8])).toBe(true);
  expect(sameShape(['N', 8], ['M', 8])).toBe(false);
  expect(sameShape([8], [8, 1])).toBe(false);
});
