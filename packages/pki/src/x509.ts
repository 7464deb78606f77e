// First: @peculiar/x509 refuses to load without it.
import './reflect-metadata.ts';

export * from '@peculiar/x509';
