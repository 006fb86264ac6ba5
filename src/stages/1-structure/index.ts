export { coordsToOccupancy, logitsToCoords, occupancyToCoords } from './coords.ts';
export { squaredDistanceTransform } from './distance-transform.ts';
export { compareOccupancies, type OccupancyComparison, type OccupancyScore, occupancyIou } from './metrics.ts';
