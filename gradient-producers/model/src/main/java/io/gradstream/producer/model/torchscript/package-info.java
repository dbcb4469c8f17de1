/**
 * Models that PyTorch saved as TorchScript files: run by the PyTorch inside this process, no Python
 * needed.
 *
 * <p>A file is data and a program for TorchScript's interpreter. It is taken from the run's own
 * bytes alone, is looked over before it is loaded ({@link
 * io.gradstream.producer.model.torchscript.TorchScriptArchive}), and lies in the file system for as
 * long as the engine reads it.
 */
@NullMarked
package io.gradstream.producer.model.torchscript;

import org.jspecify.annotations.NullMarked;
