import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import type { parseAction } from '@actions/workflow-parser/actions/action-parser';
import { buildSync } from 'esbuild';

type Parser = {
  readonly NoOperationTraceWriter: typeof NoOperationTraceWriter;
  readonly parseWorkflow: typeof parseWorkflow;
  readonly parseAction: typeof parseAction;
};

/**
 * GitHub's own parser of workflows and actions: what it finds wrong with a text, in its words. It is bundled into the folder first, because it
 * imports JSON in a way that Node refuses.
 */
export async function githubParser(folder: string) {
  const outfile = join(folder, 'github-parser.mjs');
  buildSync({
    stdin: {
      contents: `export { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
        export { parseAction } from '@actions/workflow-parser/actions/action-parser';`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
    // One of its dependencies is CommonJS.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  const parser = (await import(pathToFileURL(outfile).href)) as Parser;
  const trace = new parser.NoOperationTraceWriter();
  const wrong = ({ context }: { context: { errors: { getErrors(): readonly { message: string }[] } } }) =>
    context.errors.getErrors().map(({ message }) => message);
  return {
    workflow: (content: string) => wrong(parser.parseWorkflow({ name: 'workflow.yml', content }, trace)),
    action: (content: string) => wrong(parser.parseAction({ name: 'action.yml', content }, trace)),
  };
}
