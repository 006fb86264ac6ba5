import { expect, test } from 'vitest';
import { devices } from '../../../test/devices.ts';
import type { Tensor } from '../tensor.ts';
import type { Device } from './device.ts';
import { wrongOnDevice } from './device-self-test.ts';
import { compile } from './program.ts';

for (const { device, present } of devices)
  test.skipIf(!present)(`${device} passes the self-test`, async () => {
    // Attention in separate steps: the fused form has a test of its own, which would run first.
    const compileApart = (outputs: Record<string, Tensor>, on: Device) =>
      compile(outputs, { device: on, fusedAttention: on !== 'webgpu' });
    expect(await wrongOnDevice(device, compileApart)).toBeUndefined();
  });

test('a device that is off by a hundredth somewhere, or gives NaN, does not pass', async () => {
  for (const error of [0.01, Number.NaN]) {
    let runs = 0;
    const said = await wrongOnDevice('webgpu', async (outputs) => {
      const program = await compile(outputs);
      const isSecond = runs++ === 1;
      return {
        ...program,
        async run(feeds) {
          const results = await program.run(feeds);
          if (isSecond) (results.mixed.data as Float32Array)[100] += error;
          return results;
        },
      };
    });
    expect(said).toMatch(/^"mixed" of the self-test differs/);
  }
});
