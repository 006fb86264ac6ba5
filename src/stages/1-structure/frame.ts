/**
 * In which frame a model learned its shapes: the object's own (`canonical`, the published one), or turned about the
 * vertical so that the picture's camera stands in front of it, on −y (`picture`).
 */
export type Frame = 'canonical' | 'picture';
