/** What a test does in a page, as functions on the window: each gives plain data. */
import * as espalier from '../../src/web/index.ts';

interface Job {
  source: string;
  device?: 'auto' | 'webgpu' | 'wasm';
  offline?: boolean;
  /** bytes of a picture file; else a white disc on a transparent ground */
  picture?: readonly number[];
  steps?: number;
  candidates?: number;
  /** aborts after so many events of a kind and stage */
  abortAt?: { kind: string; stage: string; count: number };
}

/** What came of a job. */
export interface Outcome {
  error?: string;
  device?: string;
  events: espalier.EspalierEvent[];
  /** events after the abort was asked for */
  eventsAfterAbort: number;
  /** bytes in base64: numbers one by one would take longer to pass on than to make */
  coords?: string;
  logits?: string;
  glb?: string;
  isolated: boolean;
}

async function generate({ source, device, offline, picture, steps, candidates, abortAt }: Job): Promise<Outcome> {
  const events: espalier.EspalierEvent[] = [];
  const stop = new AbortController();
  let eventsAfterAbort = 0;
  const onEvent = (event: espalier.EspalierEvent) => {
    events.push(event);
    if (stop.signal.aborted) eventsAfterAbort++;
    const counted = events.filter((e) => e.kind === abortAt?.kind && e.stage === abortAt.stage);
    if (abortAt && counted.length >= abortAt.count) stop.abort(new Error('enough'));
  };
  const work = { signal: stop.signal, onEvent };
  const outcome = (): Outcome => ({ events, eventsAfterAbort, isolated: crossOriginIsolated });
  let model: espalier.PageModel | undefined;
  try {
    const hub = { offline, attempts: 3, pauseMs: 10 };
    model = await espalier.loadModel(source, { device, hub, ...work });
    const prompt = picture ? new Blob([Uint8Array.from(picture)]) : disc();
    const asset = await espalier.imageTo3D(model, prompt, { seed: 1, steps, candidates, ...work });
    const [coords, logits] = [base64(asset.coords), base64(asset.logits)];
    return { ...outcome(), device: model.device, coords, logits, glb: base64(await asset.glb()) };
  } catch (error) {
    return { ...outcome(), device: model?.device, error: (error as Error).message };
  } finally {
    model?.dispose();
  }
}

function base64({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = '';
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

/** A white disc on a transparent ground. */
function disc() {
  const data = new Uint8ClampedArray(64 * 64 * 4);
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 64; x++)
      if (Math.hypot(x - 32, y - 32) < 20) data.fill(255, (y * 64 + x) * 4, (y * 64 + x) * 4 + 4);
  return { width: 64, height: 64, data };
}

const forget = () => espalier.forgetModels();

Object.assign(window, { tested: { generate, forget } });
