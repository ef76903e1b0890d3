import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import { compressFrame, decompressFrame } from 'lz4-napi'
import type { Compression } from './port.js'

const { CompressionCodecs, CompressionTypes } = kafkajs
const toZstd = promisify(zstdCompress)
const fromZstd = promisify(zstdDecompress)

interface Encoder {
  readonly buffer: Buffer
}

/** kafkajs reads gzip only; any other codec, in a topic that others write too, would stop the consumer. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = snappy
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: ({ buffer }: Encoder) => compressFrame(buffer),
    decompress: (bytes: Buffer) => decompressFrame(bytes),
  })
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: Encoder) => toZstd(buffer),
    decompress: (bytes: Buffer) => fromZstd(bytes),
  })
}

export const compressionTypes: Record<Compression, number> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}
