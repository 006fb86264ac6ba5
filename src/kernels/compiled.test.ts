import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the compiled kernels are those of the sources; if not: npm run build', async () => {
  const build = (await import(new URL('../../kernels/build.mjs', import.meta.url).href)) as {
    kernelNames: readonly string[];
    sourceHash(): string;
  };
  expect(build.kernelNames.length).toBeGreaterThan(0);
  for (const name of build.kernelNames) {
    const compiled = readFileSync(new URL(`./compiled/${name}.ts`, import.meta.url), 'utf8');
    expect(compiled.slice(0, 300), name).toContain(`'${build.sourceHash()}'`);
  }
});
