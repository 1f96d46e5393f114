// Numbers of the system calls that the filter speaks about, from Linux's asm/unistd_64.h and asm-generic/unistd.h.

export interface SyscallTable {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly audit: number;
  /** True where calls from 0x40000000 on are the x32 ABI, which would pass every comparison by number. */
  readonly x32: boolean;
  /** Calls that are decided by their arguments. */
  readonly examined: {
    readonly clone: number;
    readonly clone3: number;
    readonly ioctl: number;
    readonly personality: number;
    readonly socket: number;
  };
  /** Refused only to what is pinned to processors. */
  readonly sched_setaffinity: number;
  /** Calls that fail with EPERM. */
  readonly denied: Readonly<Record<string, number>>;
}

/** Calls with the same number on every architecture (all since Linux 5.2, asm-generic/unistd.h). */
const COMMON = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_getfd: 438,
  process_madvise: 440,
  mount_setattr: 442,
  quotactl_fd: 443,
  open_tree_attr: 467,
};

const X64: SyscallTable = {
  audit: 0xc000003e,
  x32: true,
  examined: { clone: 56, clone3: 435, ioctl: 16, personality: 135, socket: 41 },
  sched_setaffinity: 203,
  denied: {
    ...COMMON,
    // Namespaces and mounts.
    unshare: 272,
    setns: 308,
    mount: 165,
    umount2: 166,
    pivot_root: 155,
    chroot: 161,
    // Other processes.
    ptrace: 101,
    process_vm_readv: 310,
    process_vm_writev: 311,
    kcmp: 312,
    move_pages: 279,
    migrate_pages: 256,
    // Wide kernel interfaces that training does not need.
    bpf: 321,
    perf_event_open: 298,
    userfaultfd: 323,
    vmsplice: 278,
    name_to_handle_at: 303,
    open_by_handle_at: 304,
    fanotify_init: 300,
    lookup_dcookie: 212,
    modify_ldt: 154,
    uselib: 134,
    ustat: 136,
    sysfs: 139,
    nfsservctl: 180,
    create_module: 174,
    // The kernel keyring is not part of any namespace that a sandbox gets.
    add_key: 248,
    request_key: 249,
    keyctl: 250,
    // The machine.
    kexec_load: 246,
    kexec_file_load: 320,
    init_module: 175,
    finit_module: 313,
    delete_module: 176,
    reboot: 169,
    swapon: 167,
    swapoff: 168,
    acct: 163,
    quotactl: 179,
    syslog: 103,
    settimeofday: 164,
    clock_settime: 227,
    clock_adjtime: 305,
    adjtimex: 159,
    sethostname: 170,
    setdomainname: 171,
    iopl: 172,
    ioperm: 173,
    vhangup: 153,
  },
};

const ARM64: SyscallTable = {
  audit: 0xc00000b7,
  x32: false,
  examined: { clone: 220, clone3: 435, ioctl: 29, personality: 92, socket: 198 },
  sched_setaffinity: 122,
  denied: {
    ...COMMON,
    unshare: 97,
    setns: 268,
    mount: 40,
    umount2: 39,
    pivot_root: 41,
    chroot: 51,
    ptrace: 117,
    process_vm_readv: 270,
    process_vm_writev: 271,
    kcmp: 272,
    move_pages: 239,
    migrate_pages: 238,
    bpf: 280,
    perf_event_open: 241,
    userfaultfd: 282,
    vmsplice: 75,
    name_to_handle_at: 264,
    open_by_handle_at: 265,
    fanotify_init: 262,
    lookup_dcookie: 18,
    nfsservctl: 42,
    add_key: 217,
    request_key: 218,
    keyctl: 219,
    kexec_load: 104,
    kexec_file_load: 294,
    init_module: 105,
    finit_module: 273,
    delete_module: 106,
    reboot: 142,
    swapon: 224,
    swapoff: 225,
    acct: 89,
    quotactl: 60,
    syslog: 116,
    settimeofday: 170,
    clock_settime: 112,
    clock_adjtime: 266,
    adjtimex: 171,
    sethostname: 161,
    setdomainname: 162,
    vhangup: 58,
  },
};

/** By `process.arch`. */
export const SYSCALLS: Readonly<Record<string, SyscallTable>> = { x64: X64, arm64: ARM64 };
