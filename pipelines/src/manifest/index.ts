export { type GitRevision, gitRevision } from './git-revision.ts';
export { manifestSchema } from './manifest.schema.ts';
export { loadManifest, manifestPipeline, type ManifestPipelineOptions, type ManifestReading } from './manifest-pipeline.ts';
export { type Manifest, readManifest } from './read-manifest.ts';
