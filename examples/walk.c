/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Folders that are still to be looked at.  A list of our own instead of a
 * recursion: a deep tree needs neither stack nor descriptors. */
struct folder {
    struct folder *next;
    char *path;
};

struct state {
    const struct walker *walker;
    struct folder *folders;
};

static bool push_folder(struct state *state, char *path)
{
    struct folder *folder = malloc(sizeof *folder);

    if (folder == NULL) {
        free(path);
        return false;
    }
    *folder = (struct folder){state->folders, path};
    state->folders = folder;
    return true;
}

static char *pop_folder(struct state *state)
{
    struct folder *folder = state->folders;
    char *path = folder->path;

    state->folders = folder->next;
    free(folder);
    return path;
}

/* folder/name; a slash that is there already is not doubled. */
static char *join(const char *folder, const char *name)
{
    size_t left = strlen(folder), right = strlen(name);
    char *path = malloc(left + right + 2);

    if (path == NULL)
        return NULL;
    memcpy(path, folder, left);
    if (left > 0 && folder[left - 1] != '/')
        path[left++] = '/';
    memcpy(path + left, name, right + 1);
    return path;
}

static unsigned char look_at(const char *path, const struct walker *walker)
{
    struct stat about;

    if (lstat(path, &about) != 0) {
        walker->failed(path, errno, walker->context);
        return DT_UNKNOWN;
    }
    return IFTODT(about.st_mode);
}

/* Takes the path over. */
static bool visit(struct state *state, char *path, unsigned char type)
{
    if (type == DT_UNKNOWN)
        type = look_at(path, state->walker);
    if (type == DT_REG)
        return state->walker->found(path, state->walker->context);
    if (type == DT_DIR)
        return push_folder(state, path);
    free(path);
    return true;
}

static bool visit_entry(struct state *state, const char *folder,
                        const struct dirent *entry)
{
    char *path;

    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return true;
    /* Of what is neither, nothing has to be known. */
    if (entry->d_type != DT_REG && entry->d_type != DT_DIR &&
        entry->d_type != DT_UNKNOWN)
        return true;
    path = join(folder, entry->d_name);
    return path != NULL && visit(state, path, entry->d_type);
}

static bool read_folder(struct state *state, const char *path)
{
    const struct walker *walker = state->walker;
    DIR *folder = opendir(path);
    struct dirent *entry;
    bool going = true;

    if (folder == NULL) {
        walker->failed(path, errno, walker->context);
        return true;
    }
    while (going && (errno = 0, entry = readdir(folder)) != NULL)
        going = visit_entry(state, path, entry);
    if (going && errno != 0)
        walker->failed(path, errno, walker->context);
    closedir(folder);
    return going;
}

bool walk(const char *path, const struct walker *walker)
{
    struct state state = {.walker = walker};
    char *first = strdup(path);
    bool going = first != NULL && visit(&state, first, DT_UNKNOWN);

    while (state.folders != NULL) {
        char *folder = pop_folder(&state);

        if (going)
            going = read_folder(&state, folder);
        free(folder);
    }
    return going;
}
