import { listSupportedBackends } from 'onnxruntime-node';

export type Device = 'cpu' | 'webgpu' | 'cuda';

/**
 * The device that `wanted` names. 'auto' takes CUDA when this runtime has it, else the CPU; nothing else is ever
 * replaced by another device.
 * @throws Error when this build of the runtime does not offer the device
 */
export function resolveDevice(wanted: Device | 'auto'): Device {
  const offered = listSupportedBackends()
    .filter((b) => b.bundled)
    .map((b) => b.name);
  if (wanted === 'auto') return offered.includes('cuda') ? 'cuda' : 'cpu';
  if (!offered.includes(wanted))
    throw new Error(
      `device "${wanted}" is not offered by this build of ONNX Runtime, which has: ${offered.join(', ')}. Choose one of them with --device.`,
    );
  return wanted;
}
