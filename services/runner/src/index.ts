export { House, type HouseOptions } from './house.ts';
export { loadExperiment, loadService } from './load.ts';
export { newRunId } from './run-id.ts';
export { Runner, type Timing, type Traced } from './runner.ts';
