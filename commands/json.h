/* JSON on standard output. */
#ifndef COMMANDS_JSON_H
#define COMMANDS_JSON_H

/* "name": "text", and the comma behind it. */
void json_put_string(const char *name, const char *text);

#endif
