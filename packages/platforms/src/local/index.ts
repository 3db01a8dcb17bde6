export { type LocalPlatform, type LocalPlatformOptions, localPlatform } from './local-platform.ts';
export { productionName } from './names.ts';
export { LocalProduction, type LocalProductionOptions, type ProductionState } from './production.ts';
export { type SweepOptions, sweep } from './sweep.ts';
