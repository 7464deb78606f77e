export { type BlobSender, type BlobSource, blobSender } from './blob-sender.ts';
export { connect, type SealClient } from './connect.ts';
export { problemFromStatus, problemMetadataKey } from './problem-from-status.ts';
export type { PullImageOptions } from './pull-image.ts';
export { serverNameCheck } from './server-name.ts';
export type { CallOptions, UnaryCalls } from './unary-calls.ts';
export { type UploadOptions, type UploadProgress, uploadBlobs } from './upload-blobs.ts';
export { type WatchItem, type WatchOptions, watchOperation } from './watch-operation.ts';
