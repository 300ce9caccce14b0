/*
 * `trunkhost sandbox`: the sandbox as a program of its own, until SIGINT or SIGTERM.
 */
#ifndef TH_SANDBOX_COMMAND_H
#define TH_SANDBOX_COMMAND_H

/* argv[0] is "sandbox". Returns the exit status: 0 after a signal, 2 for a wrong option or when it
 * cannot listen. Standard output tells how to use it; with --quiet only "listening on
 * 127.0.0.1:PORT". */
int th_sandbox_command(int argc, char **argv);

#endif
