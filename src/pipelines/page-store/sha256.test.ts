import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256 } from './sha256.ts';

test('in whatever pieces bytes come, their digest is the one that others compute', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
      const [own, other] = [sha256(), createHash('sha256')];
      for (const piece of pieces) {
        own.update(piece);
        other.update(piece);
      }
      expect(own.hex()).toBe(other.digest('hex'));
    }),
  );
});

test('the digest of a million times "a" is the one of the standard', () => {
  const hash = sha256();
  for (let i = 0; i < 1000; i++) hash.update(new Uint8Array(1000).fill(97));
  expect(hash.hex()).toBe('cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
});
