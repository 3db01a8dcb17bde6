export { type GitRevision, gitRevision } from './git-revision.ts';
export { manifestSchema } from './manifest.schema.ts';
export { loadManifest, type ManifestPipelineOptions, type ManifestReading, manifestPipeline } from './manifest-pipeline.ts';
export { type Manifest, readManifest } from './read-manifest.ts';
