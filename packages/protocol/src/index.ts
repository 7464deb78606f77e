export * from './proto.ts';
export * from './wire/index.ts';
