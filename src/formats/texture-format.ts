/** How textures are stored in a GLB. */
export const TEXTURE_FORMATS = ['png', 'webp', 'ktx2'] as const;
export type TextureFormat = (typeof TEXTURE_FORMATS)[number];
