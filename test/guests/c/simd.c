/*
 * Uses what came after WebAssembly 1.0: SIMD, bulk memory, sign extension,
 * saturating conversion. A command: the sum of the bytes of its input, computed in
 * vectors, and what the others made.
 * flags: -msimd128 -mbulk-memory -msign-ext -mnontrapping-fptoint
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wasm_simd128.h>

#define BLOCK_BYTES 16

int main(void) {
  static uint8_t bytes[64 * 1024], copy[64 * 1024];
  size_t length = fread(bytes, 1, sizeof bytes - BLOCK_BYTES, stdin);
  v128_t sums = wasm_i32x4_const(0, 0, 0, 0);
  for (size_t at = 0; at < length; at += BLOCK_BYTES) {
    v128_t pairs = wasm_u16x8_extadd_pairwise_u8x16(wasm_v128_load(bytes + at));
    sums = wasm_i32x4_add(sums, wasm_u32x4_extadd_pairwise_u16x8(pairs));
  }
  int sum = wasm_i32x4_extract_lane(sums, 0) + wasm_i32x4_extract_lane(sums, 1) + wasm_i32x4_extract_lane(sums, 2) +
            wasm_i32x4_extract_lane(sums, 3);
  memcpy(copy, bytes, length);
  volatile int8_t narrow = (int8_t)sum;
  volatile double huge = 1e30;
  printf("sum %d\ncopied %d\nnarrow %d\nsaturated %d\n", sum, memcmp(copy, bytes, length), (int)narrow, (int)huge);
  return 0;
}
