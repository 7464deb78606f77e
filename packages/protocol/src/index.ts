export * from './client/index.ts';
export * from './credentials/index.ts';
export * from './proto.ts';
export * from './wire/index.ts';
