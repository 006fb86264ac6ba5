import { existsSync } from 'node:fs';
import type { Device } from '../src/tensor/index.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (!process.env.VK_ICD_FILENAMES && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER;

/** Skipped without a Vulkan driver: WebGPU needs one, and none is named in VK_ICD_FILENAMES or lies with Chromium. */
export const devices: readonly { device: Device; present: boolean }[] = [
  { device: 'cpu', present: true },
  { device: 'webgpu', present: Boolean(process.env.VK_ICD_FILENAMES) },
];
