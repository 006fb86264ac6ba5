/** A page that makes a shape of a picture. `npm run web` serves it; `?model=` names another folder or Hub id. */
import { type EspalierEvent, imageTo3D, loadModel, type PageModel } from 'espalier/web';
import { showAsset } from './viewer.ts';

const at = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const file = at<HTMLInputElement>('file');
const save = at<HTMLButtonElement>('save');
const again = at<HTMLButtonElement>('again');
const stop = at<HTMLButtonElement>('stop');
const progress = at<HTMLProgressElement>('progress');
const status = at('status');

let model: Promise<PageModel> | undefined;
let working: AbortController | undefined;
let picture: Blob | undefined;
let made: Blob | undefined;
let seed = 42;

const words: Record<string, string> = {
  download: 'Fetching the model',
  condition: 'Reading the picture',
  structure: 'Growing the shape',
  latent: 'Growing its look',
  mesh: 'Closing the surface',
};

function show(event: EspalierEvent): void {
  if (event.kind === 'warning') {
    at('note').textContent = event.message;
    at('note').hidden = false;
  } else if (event.kind === 'step') {
    progress.value = event.step / event.of;
    say(
      `${words[event.stage] ?? event.stage} … ${event.step} of ${event.of}${event.stage === 'download' ? ' MB' : ''}`,
    );
  } else if (event.kind === 'done') progress.removeAttribute('value'); // the next stage has no steps yet
}

function say(text: string, wrong = false): void {
  status.textContent = text;
  status.classList.toggle('wrong', wrong);
}

async function make(): Promise<void> {
  if (!picture) return;
  working?.abort();
  const own = new AbortController();
  working = own;
  const work = { signal: own.signal, onEvent: show };
  progress.removeAttribute('value');
  busy(true);
  try {
    say('Starting …');
    model ??= loadModel(new URLSearchParams(location.search).get('model') ?? './mini/', work);
    const loaded = await model.catch((error) => {
      model = undefined; // the next picture tries again
      throw error;
    });
    const start = performance.now();
    const glb = await (await imageTo3D(loaded, picture, { seed, ...work })).glb();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    made = new Blob([new Uint8Array(glb)], { type: 'model/gltf-binary' });
    save.disabled = false;
    at('empty').hidden = true;
    await showAsset(at<HTMLCanvasElement>('canvas'), glb);
    say(`Done in ${seconds} s on ${loaded.device === 'webgpu' ? 'WebGPU' : 'WebAssembly'}.`);
  } catch (error) {
    if (working !== own) return; // another picture has taken over
    if (own.signal.aborted) say('Stopped.');
    else say((error as Error).message, true);
  } finally {
    if (working === own) busy(false);
  }
}

function busy(isBusy: boolean): void {
  progress.hidden = !isBusy;
  stop.hidden = !isBusy;
  again.disabled = isBusy || !picture;
}

function take(chosen: Blob | null | undefined): void {
  if (!chosen?.type.startsWith('image/')) {
    say('That is no picture. Choose a PNG, JPEG or WebP file.', true);
    return;
  }
  picture = chosen;
  const shown = at<HTMLImageElement>('picture');
  URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(chosen);
  shown.alt = 'the chosen picture';
  shown.hidden = false;
  at('hint').hidden = true;
  make();
}

const drop = at('drop');
file.addEventListener('change', () => file.files?.[0] && take(file.files[0]));
for (const kind of ['dragover', 'dragleave', 'drop'] as const)
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', kind === 'dragover');
    if (kind === 'drop') take(event.dataTransfer?.files[0]);
  });
addEventListener('paste', (event) => event.clipboardData?.files.length && take(event.clipboardData.files[0]));
again.addEventListener('click', () => {
  seed++;
  make();
});
save.addEventListener('click', () => {
  if (!made) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(made);
  link.download = 'asset.glb';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});
stop.addEventListener('click', () => working?.abort());
