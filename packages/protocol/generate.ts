import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** `npm run gen`: TypeScript from proto/ by protoc (Debian's protobuf-compiler) and ts-proto. The result is committed. */
const root = join(dirname(new URL(import.meta.url).pathname), '../..');
const out = join(root, 'packages/protocol/src/gen');
const options = [
  'outputServices=grpc-js',
  'esModuleInterop=true',
  'importSuffix=.ts',
  'enumsAsLiterals=true',
  'forceLong=number',
  'useOptionals=none',
  'env=node',
  'removeEnumPrefix=true',
  'outputJsonMethods=false',
  'outputPartialMethods=true',
];
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const files = readdirSync(join(root, 'proto/seal/v1')).map((file) => `seal/v1/${file}`);
await execa(
  'protoc',
  [
    `--plugin=protoc-gen-ts_proto=${join(root, 'node_modules/.bin/protoc-gen-ts_proto')}`,
    `--ts_proto_out=${out}`,
    `--ts_proto_opt=${options.join(',')}`,
    `--proto_path=${join(root, 'proto')}`,
    ...files,
  ],
  { stdio: 'inherit', preferLocal: true },
);
process.stdout.write(`generated ${files.length} files into packages/protocol/src/gen\n`);
