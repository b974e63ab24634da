/* A libnvidia-ml.so.1 for tests: it answers from the environment, read at every call.
 *
 * NVML_CARDS   how many cards (1)
 * NVML_INIT    status of nvmlInitWithFlags (0)
 * NVML_COUNT   status of nvmlDeviceGetCount_v2 (0)
 * NVML_NAME    the cards' name (NVIDIA H200)
 * NVML_UUID    what stands before the number in a UUID (GPU-)
 * NVML_REFUSE  status of every reading of a card but its identity (0)
 * NVML_LOST    index of a card whose every call is "GPU is lost" (-1)
 * NVML_HANG    seconds that nvmlDeviceGetTemperature takes (0)
 * NVML_PIDS    processes that compute on the first card, as pid:bytes, by commas; without bytes: not known (none)
 * NVML_DRAWS   processes that draw, likewise (none)
 * NVML_GROWS   how many times the list of processes turns out to be too long for its room (0)
 * NVML_MIG     how many MIG instances each card is split into (0)
 * NVML_XIDS    XID errors that wait in the queue, by commas, all of the first card (none)
 * NVML_FAR     1: counters near the top of 64 bits
 * Compiled with -DOLD it is a library of 2020, which lacks the newer calls. No call that sets anything is here.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Card { int index; int instance; } Card;
enum { OK = 0, UNINITIALIZED = 1, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, TIMEOUT = 10, LOST = 15 };

static Card cards[64], instances[64][8];
static int initialised, xid_place, grown;

static const char *text(const char *name, const char *usual) { const char *v = getenv(name); return v ? v : usual; }
static int number(const char *name, int usual) { const char *v = getenv(name); return v ? atoi(v) : usual; }

static int there(Card *card) {
  if (!initialised) return UNINITIALIZED;
  return card->index == number("NVML_LOST", -1) ? LOST : OK;
}
static int reading(Card *card) { int status = there(card); return status ? status : number("NVML_REFUSE", 0); }
#define READ(card) do { int status = reading(card); if (status) return status; } while (0)
#define ONE(function, value) int function(Card *card, unsigned *out) { READ(card); *out = (value); return OK; }
#define BIG(function, value) int function(Card *card, unsigned long long *out) { READ(card); *out = (value); return OK; }

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  int status = number("NVML_INIT", 0);
  if (!status) initialised++;
  return status;
}
int nvmlShutdown(void) { if (!initialised) return UNINITIALIZED; initialised--; return OK; }
const char *nvmlErrorString(int status) { (void)status; return "something else"; }
int nvmlSystemGetDriverVersion(char *out, unsigned size) { snprintf(out, size, "580.159.04"); return OK; }
int nvmlSystemGetCudaDriverVersion(int *out) { *out = 13000; return OK; }

int nvmlDeviceGetCount_v2(unsigned *out) {
  if (!initialised) return UNINITIALIZED;
  *out = number("NVML_CARDS", 1);
  return number("NVML_COUNT", 0);
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Card **out) {
  if (!initialised) return UNINITIALIZED;
  cards[index].index = index;
  cards[index].instance = -1;
  *out = &cards[index];
  return there(*out);
}
int nvmlDeviceGetName(Card *card, char *out, unsigned size) {
  int status = there(card);
  if (card->instance >= 0) snprintf(out, size, "%s MIG 1g.18gb", text("NVML_NAME", "NVIDIA H200"));
  else snprintf(out, size, "%s", text("NVML_NAME", "NVIDIA H200"));
  return status;
}
int nvmlDeviceGetUUID(Card *card, char *out, unsigned size) {
  int status = there(card);
  if (card->instance >= 0) snprintf(out, size, "MIG-%d-%d", card->index, card->instance);
  else snprintf(out, size, "%s%d", text("NVML_UUID", "GPU-"), card->index);
  return status;
}
struct Pci { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; };
int nvmlDeviceGetPciInfo_v3(Card *card, struct Pci *out) {
  int status = there(card);
  memset(out, 0, sizeof *out);
  snprintf(out->bus_id, sizeof out->bus_id, "00000000:%02X:00.0", 0x1B + card->index);
  return status;
}

int nvmlDeviceGetClockInfo(Card *card, unsigned which, unsigned *out) { READ(card); *out = 1980 - which; return OK; }
int nvmlDeviceGetMaxClockInfo(Card *card, unsigned which, unsigned *out) { READ(card); *out = 2000 - which; return OK; }
int nvmlDeviceGetTemperature(Card *card, unsigned sensor, unsigned *out) {
  (void)sensor;
  READ(card);
  usleep(1000000u * number("NVML_HANG", 0));
  *out = 41 + card->index;
  return OK;
}
int nvmlDeviceGetTemperatureThreshold(Card *card, unsigned which, unsigned *out) { READ(card); *out = which ? 0 : 92; return OK; }
ONE(nvmlDeviceGetPowerUsage, 123456)
ONE(nvmlDeviceGetPowerManagementLimit, 700000)
ONE(nvmlDeviceGetEnforcedPowerLimit, 650000)
BIG(nvmlDeviceGetTotalEnergyConsumption, number("NVML_FAR", 0) ? 9007199254740991ull : 5000000000ull)
ONE(nvmlDeviceGetPerformanceState, 32)
int nvmlDeviceGetFanSpeed(Card *card, unsigned *out) { (void)card; (void)out; return NOT_SUPPORTED; }
int nvmlDeviceGetEncoderUtilization(Card *card, unsigned *out, unsigned *period) { READ(card); *out = 3; *period = 100; return OK; }
int nvmlDeviceGetDecoderUtilization(Card *card, unsigned *out, unsigned *period) { READ(card); *out = 0; *period = 100; return OK; }
#ifdef OLD
BIG(nvmlDeviceGetCurrentClocksThrottleReasons, 0x24)
#else
BIG(nvmlDeviceGetCurrentClocksEventReasons, 0x24)
#endif
ONE(nvmlDeviceGetPcieReplayCounter, 7)
ONE(nvmlDeviceGetCurrPcieLinkGeneration, 5)
ONE(nvmlDeviceGetCurrPcieLinkWidth, 16)
ONE(nvmlDeviceGetMaxPcieLinkGeneration, 5)
ONE(nvmlDeviceGetMaxPcieLinkWidth, 16)
int nvmlDeviceGetEccMode(Card *card, unsigned *now, unsigned *next) { READ(card); *now = *next = 1; return OK; }
int nvmlDeviceGetTotalEccErrors(Card *card, unsigned kind, unsigned since, unsigned long long *out) {
  READ(card);
  *out = 10 * kind + since;
  return OK;
}
int nvmlDeviceGetUtilizationRates(Card *card, unsigned *out) {
  if (number("NVML_MIG", 0)) return NOT_SUPPORTED;
  READ(card);
  out[0] = 87; out[1] = 42;
  return OK;
}
int nvmlDeviceGetRemappedRows(Card *card, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
  READ(card);
  *a = 1; *b = 2; *c = 0; *d = 0;
  return OK;
}

typedef unsigned long long Bytes;
int nvmlDeviceGetMemoryInfo(Card *card, Bytes *out) {
  READ(card);
  out[0] = 150000000000ull; out[1] = 50000000000ull; out[2] = 100000000000ull;
  return OK;
}
#ifndef OLD
struct Memory { unsigned version; Bytes total, reserved, free, used; };
int nvmlDeviceGetMemoryInfo_v2(Card *card, struct Memory *out) {
  READ(card);
  if (out->version != 0x02000028) return 25;
  out->total = 150000000000ull; out->reserved = 600000000ull; out->free = 50000000000ull;
  out->used = card->instance >= 0 ? 10000000000ull : 99400000000ull;
  return OK;
}
#define nvmlDeviceGetComputeRunningProcesses nvmlDeviceGetComputeRunningProcesses_v3
#define nvmlDeviceGetGraphicsRunningProcesses nvmlDeviceGetGraphicsRunningProcesses_v3
#else
#define nvmlDeviceGetComputeRunningProcesses nvmlDeviceGetComputeRunningProcesses_v2
#define nvmlDeviceGetGraphicsRunningProcesses nvmlDeviceGetGraphicsRunningProcesses_v2
#endif

struct Process { unsigned pid; Bytes bytes; unsigned instance, compute; };
static int processes(Card *card, unsigned *count, struct Process *out, const char *list) {
  READ(card);
  unsigned found = 0, room = *count;
  char copy[4096];
  snprintf(copy, sizeof copy, "%s", card->index ? "" : list);
  for (char *word = strtok(copy, ","); word; word = strtok(NULL, ","), found++) {
    if (out && found < room) {
      char *colon = strchr(word, ':');
      out[found].pid = atoi(word);
      out[found].bytes = colon ? strtoull(colon + 1, NULL, 10) : ~0ull;
    }
  }
  *count = found;
  if (out && grown < number("NVML_GROWS", 0)) { grown++; return INSUFFICIENT_SIZE; }
  return found > room ? INSUFFICIENT_SIZE : OK;
}
int nvmlDeviceGetComputeRunningProcesses(Card *card, unsigned *count, struct Process *out) {
  return processes(card, count, out, text("NVML_PIDS", ""));
}
int nvmlDeviceGetGraphicsRunningProcesses(Card *card, unsigned *count, struct Process *out) {
  return processes(card, count, out, text("NVML_DRAWS", ""));
}

#ifndef OLD
struct Field { uint32_t id, scope; int64_t time, latency; int type, status; union { double d; unsigned u; Bytes b; } value; };
int nvmlDeviceGetFieldValues(Card *card, int count, struct Field *fields) {
  READ(card);
  for (int i = 0; i < count; i++) {
    fields[i].status = OK;
    switch (fields[i].id) {
      case 82: fields[i].type = 1; fields[i].value.u = 48; break;
      case 74: fields[i].type = 3; fields[i].value.b = 2500000000ull; break;
      case 138: fields[i].type = 3; fields[i].value.b = fields[i].scope == 0xFFFFFFFF ? 4 : 1; break;
      case 38: fields[i].type = 99; break;
      default: fields[i].status = NOT_SUPPORTED; fields[i].value.b = 77;
    }
  }
  return OK;
}

#endif

int nvmlDeviceGetMigMode(Card *card, unsigned *now, unsigned *next) {
  int status = reading(card);
  *now = *next = number("NVML_MIG", 0) > 0;
  return status;
}
int nvmlDeviceGetMaxMigDeviceCount(Card *card, unsigned *out) { READ(card); *out = 7; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(Card *card, unsigned index, Card **out) {
  READ(card);
  /* The places of instances need not be the first ones: the first is always free. */
  if (index < 1 || (int)index > number("NVML_MIG", 0)) return NOT_FOUND;
  instances[card->index][index] = (Card){card->index, (int)index};
  *out = &instances[card->index][index];
  return OK;
}
int nvmlDeviceGetGpuInstanceId(Card *card, unsigned *out) { *out = card->instance; return OK; }

int nvmlEventSetCreate(void **out) { static int set; *out = &set; return OK; }
int nvmlEventSetFree(void *set) { (void)set; return OK; }
int nvmlDeviceRegisterEvents(Card *card, Bytes types, void *set) { (void)types; (void)set; return reading(card); }
struct Event { Card *card; Bytes type, data; unsigned instance, compute; };
int nvmlEventSetWait_v2(void *set, struct Event *out, unsigned milliseconds) {
  (void)set;
  if (milliseconds) abort();
  char copy[256];
  snprintf(copy, sizeof copy, "%s", text("NVML_XIDS", ""));
  int place = 0;
  for (char *word = strtok(copy, ","); word; word = strtok(NULL, ","), place++) {
    if (place == xid_place) {
      xid_place++;
      *out = (struct Event){&cards[0], 8, strtoull(word, NULL, 10), 0, 0};
      return OK;
    }
  }
  return TIMEOUT;
}
