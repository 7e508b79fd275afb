/*
 * Preloaded into Debian's ndmjob (amanda-common 3.5.1), built by the tests that use it. The protocol is untouched; what is
 * mended here are faults of the tool that no server can help:
 *
 *   - g_malloc(0) gives NULL, so ndmjob cannot encode a TAPE_WRITE of no bytes, and its test of one ends the run;
 *   - the first step that fails or nearly fails ends the run, and hides all that come after it;
 *   - every 16 bytes of its test pattern hold four that were never written, so comparing them fails now and then;
 *   - as a daemon it listens on all addresses.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void *g_malloc(size_t bytes)
{
	void *memory = malloc(bytes == 0 ? 1 : bytes);
	if (memory == NULL)
		abort();
	return memory;
}

static void tell(const char *what, const char *why)
{
	printf("\nSTEP %s: %s\n", what, why);
	fflush(stdout);
}
void ndmca_test_fail(void *session, char *why)
{
	(void)session;
	tell("FAILED", why);
}
void ndmca_test_warn(void *session, char *why)
{
	(void)session;
	tell("DOUBTFUL", why);
}

/* Units of 16 bytes: file, sequence, padding, record; the padding is at 4 to 7. */
void ndmca_test_fill_data(char *pattern, int length, int record, int file)
{
	void (*fill)(char *, int, int, int) = dlsym(RTLD_NEXT, "ndmca_test_fill_data");
	int at;
	fill(pattern, length, record, file);
	for (at = 0; at < length; at++)
		if (at % 16 / 4 == 1)
			pattern[at] = 0;
}

int bind(int socket, const struct sockaddr *at, socklen_t length)
{
	int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
	struct sockaddr_in here;
	if (at == NULL || at->sa_family != AF_INET || length < sizeof here)
		return real(socket, at, length);
	memcpy(&here, at, sizeof here);
	if (here.sin_addr.s_addr == htonl(INADDR_ANY))
		here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return real(socket, (const struct sockaddr *)&here, sizeof here);
}
