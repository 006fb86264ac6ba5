/** What of WebGPU a session touches, as an interface: neither Node's types nor the DOM's have it. */

export interface GpuBuffer {
  destroy(): void;
}

export interface GpuDevice {
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, offset: number, data: ArrayBuffer, from: number, bytes: number): void;
    onSubmittedWorkDone(): Promise<void>;
  };
  createBuffer(options: { size: number; usage: number; label?: string }): GpuBuffer;
  pushErrorScope(filter: 'out-of-memory' | 'validation'): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  destroy(): void;
}

interface GpuAdapter {
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  readonly info?: { readonly isFallbackAdapter?: boolean; readonly vendor: string; readonly architecture: string };
  readonly isFallbackAdapter?: boolean;
  requestDevice(options: {
    requiredFeatures: readonly string[];
    requiredLimits: Readonly<Record<string, number>>;
  }): Promise<GpuDevice>;
}

/** Limits that are asked for as high as the adapter goes: left out, a device gets the standard's small ones. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
];

/** What the runtime's kernels use where it is there. */
const FEATURES = ['shader-f16', 'subgroups'];

/**
 * A WebGPU device with all that its adapter allows.
 * @param software  whether an adapter that computes on the CPU will do; it is slower than WebAssembly
 * @throws Error saying why there is none
 */
export async function requestGpu({ software }: { software: boolean }): Promise<GpuDevice> {
  const gpu = (globalThis.navigator as { gpu?: { requestAdapter(o: object): Promise<GpuAdapter | null> } })?.gpu;
  if (!gpu) throw new Error('this browser has no WebGPU');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('the browser offers no WebGPU adapter');
  const { info, limits } = adapter;
  if (!software && (info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? info?.architecture === 'swiftshader'))
    throw new Error('the only WebGPU adapter computes on the CPU, slower than WebAssembly does');
  return adapter.requestDevice({
    requiredFeatures: FEATURES.filter((name) => adapter.features.has(name)),
    requiredLimits: Object.fromEntries(LIMITS.filter((name) => name in limits).map((name) => [name, limits[name]])),
  });
}

/** GPUBufferUsage, which is no global of Node: STORAGE, COPY_DST and COPY_SRC. */
const USAGE = 0x80 | 0x8 | 0x4;

/**
 * Values in a buffer of their own on the device.
 * @throws Error naming them when they are larger than a buffer may be, or the device has no room
 */
export async function uploaded(
  device: GpuDevice,
  name: string,
  data: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number },
): Promise<GpuBuffer> {
  const size = Math.max(16, Math.ceil(data.byteLength / 16) * 16);
  const most = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
  if (size > most)
    throw new Error(
      `session: "${name}" takes ${megabytes(size)}, this device takes at most ${megabytes(most)} in one buffer. Choose device 'wasm', or run it in Node.`,
    );
  device.pushErrorScope('out-of-memory');
  const buffer = device.createBuffer({ size, usage: USAGE, label: name });
  const failure = await device.popErrorScope();
  if (failure)
    throw new Error(
      `session: the GPU has no room for "${name}" (${megabytes(size)}). Close other pages that use it, or choose device 'wasm'.`,
    );
  overwrite(device, buffer, data);
  if (size > LARGE) await device.queue.onSubmittedWorkDone(); // so that copies on their way do not pile up
  return buffer;
}

const LARGE = 16 * 2 ** 20;

/** Puts values in the place of a buffer's. */
export function overwrite(
  device: GpuDevice,
  buffer: GpuBuffer,
  { buffer: source, byteOffset, byteLength }: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number },
): void {
  const whole = byteLength - (byteLength % 4);
  if (whole > 0) device.queue.writeBuffer(buffer, 0, source as ArrayBuffer, byteOffset, whole);
  if (whole === byteLength) return;
  const rest = new Uint8Array(4);
  rest.set(new Uint8Array(source, byteOffset + whole, byteLength - whole));
  device.queue.writeBuffer(buffer, whole, rest.buffer, 0, 4);
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
