import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, type Program } from '../runtime/program.ts';
import type { Value } from '../runtime/protocol.ts';
import { instantiate, opCases, valueOnlyCases } from './op-cases.ts';
import { type Array64, evaluate } from './twin.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (!process.env.VK_ICD_FILENAMES && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER;

/** Skipped without a Vulkan driver: WebGPU needs one, and none is named in VK_ICD_FILENAMES or lies with Chromium. */
const devices = [
  { device: 'cpu', present: true },
  { device: 'webgpu', present: Boolean(process.env.VK_ICD_FILENAMES) },
] as const;

const all = [...opCases, ...valueOnlyCases].map((c, i) => ({ name: c.name, ...instantiate(c, i) }));
/** Half precision is an optional feature of WebGPU devices; SwiftShader lacks it. */
const onDevice = { cpu: all, webgpu: all.filter((c) => !c.name.includes('half')) };

describe.each(devices)('operations against their twins on $device', ({ device, present }) => {
  describe.skipIf(!present)('with a driver', () => {
    const cases = onDevice[device];
    let program: Program;
    let got: Record<string, Value>;

    beforeAll(async () => {
      program = await compile(Object.fromEntries(cases.map((c) => [`${c.name} =`, c.result])), { device });
      got = await program.run(
        Object.fromEntries(
          cases.flatMap(({ declared, feeds }) =>
            declared.map((t) => [t.attributes.name, wire(feeds.get(t.attributes.name) as Array64, t.dtype)]),
          ),
        ),
      );
    }, 300_000);

    afterAll(() => program?.dispose());

    it.each(cases)('$name', ({ name, result, feeds }) => {
      const value = got[`${name} =`];
      const [expected] = evaluate([result], feeds);
      expect(value.dims).toEqual(expected.shape);
      const largest = Math.max(1, ...expected.data.map(Math.abs));
      const worst = Math.max(...expected.data.map((v, i) => Math.abs(v - Number(value.data[i]))));
      expect(worst / largest).toBeLessThan(allowed(name, device));
    });
  });
});

/** Half precision keeps 11 bits; WGSL promises sine and cosine to 2⁻¹¹ only (Vulkan drivers use the room). */
function allowed(name: string, device: string): number {
  if (name.includes('half')) return 2 ** -10;
  return device === 'webgpu' && (name === 'sin' || name === 'cos') ? 2 ** -11 : 1e-5;
}

function wire({ shape, data }: Array64, dtype: string): Value {
  return dtype === 'int32'
    ? { dtype: 'int32', dims: shape, data: Int32Array.from(data) }
    : { dtype: 'float32', dims: shape, data: Float32Array.from(data) };
}
