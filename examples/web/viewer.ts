/** Shows a .glb file, turned with the pointer or the arrow keys. */
// @ts-expect-error three ships without types
import * as THREE from 'three';
// @ts-expect-error three ships without types
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
// @ts-expect-error three ships without types
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

let stage: ReturnType<typeof build> | undefined;

export async function showAsset(canvas: HTMLCanvasElement, glb: Uint8Array): Promise<void> {
  stage ??= build(canvas);
  const { scene } = await new GLTFLoader().parseAsync(new Uint8Array(glb).buffer, '');
  stage.put(scene);
}

function build(canvas: HTMLCanvasElement) {
  const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
  const scene = new THREE.Scene();
  scene.add(new THREE.HemisphereLight(0xffffff, 0x8a8f7a, 1));
  const sun = new THREE.DirectionalLight(0xffffff, 1.4);
  sun.position.set(1, 2, 1.5);
  scene.add(sun);
  const camera = new THREE.PerspectiveCamera(35, 1, 0.01, 20);
  camera.position.set(1, 0.7, 1.6);
  const controls = new OrbitControls(camera, canvas);
  const draw = () => renderer.render(scene, camera);
  controls.addEventListener('change', draw);
  canvas.addEventListener('keydown', ({ key }) => {
    const turn = { ArrowLeft: -0.2, ArrowRight: 0.2 }[key];
    if (turn === undefined) return;
    camera.position.applyAxisAngle(new THREE.Vector3(0, 1, 0), turn);
    controls.update();
    draw();
  });
  new ResizeObserver(() => {
    const { clientWidth, clientHeight } = canvas.parentElement as HTMLElement;
    renderer.setPixelRatio(devicePixelRatio);
    renderer.setSize(clientWidth, clientHeight, false);
    camera.aspect = clientWidth / clientHeight;
    camera.updateProjectionMatrix();
    draw();
  }).observe(canvas.parentElement as HTMLElement);
  let shown: unknown;
  return {
    put(asset: unknown) {
      if (shown) scene.remove(shown);
      shown = asset;
      scene.add(asset);
      controls.update();
      draw();
    },
  };
}
