/** Made by src/build-kernels.mjs: the compiled assembly/, in base64. */
export declare const kernelsWasm: string;
