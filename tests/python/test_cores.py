"""Cores that a process may use, read from /proc and cgroup trees laid out as systems and containers lay them out."""

import os
import subprocess
import sys

import pytest

from ortembed import InvalidInputError, cores
from ortembed.cores import affinity_cores, available_cores, choose_threads, quota_cores

V2 = "31 23 0:28 {root} {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 31 0:29 {root} {point} rw,relatime - cgroup cgroup rw,cpu,cpuacct"
OTHERS = """22 1 8:1 / / rw - ext4 /dev/sda1 rw
33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
short line
"""


@pytest.fixture
def system(tmp_path):
    """Lay out a system: own cgroups, mounts, and files of cgroup folders by their path."""

    def lay_out(own, mounts, files):
        files = {"/proc/self/cgroup": own + "\n", "/proc/self/mountinfo": OTHERS + "\n".join(mounts) + "\n", **files}
        for name, text in files.items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return lay_out


def v2(point="/sys/fs/cgroup", root="/"):
    return V2.format(root=root, point=point)


def v1(point="/sys/fs/cgroup/cpu", root="/"):
    return V1.format(root=root, point=point)


def v1_files(folder, quota, period=100000):
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    ("cpu_max", "expected"),
    [
        ("max 100000\n", None),
        ("300000 100000\n", 3),
        ("350000 100000\n", 3),
        ("100000 50000\n", 2),
        ("50000 100000\n", 1),
        ("", None),
        ("300000\n", None),
        ("300000 0\n", None),
        ("-1 100000\n", None),
        ("three 100000\n", None),
        ("1e5 100000\n", None),
        ("300000 100000 7\n", None),
        (b"\xff\xfe\x00", None),
        ("9" * 400 + " 1\n", None),
    ],
)
def test_a_quota_is_in_whole_cores(system, cpu_max, expected):
    root = system("0::/", [v2()], {"/sys/fs/cgroup/cpu.max": cpu_max})
    assert quota_cores(root) == expected


def test_the_smallest_quota_on_the_way_up_counts(system):
    folder = "/sys/fs/cgroup/user.slice/app.scope"
    files = {"/sys/fs/cgroup/user.slice/cpu.max": "200000 100000", f"{folder}/cpu.max": "600000 100000"}
    assert quota_cores(system("0::/user.slice/app.scope/worker", [v2()], files)) == 2


def test_a_quota_of_another_branch_does_not_count(system):
    files = {"/sys/fs/cgroup/a/cpu.max": "400000 100000", "/sys/fs/cgroup/b/cpu.max": "100000 100000"}
    assert quota_cores(system("0::/a", [v2()], files)) == 4


def test_a_quota_of_version_1_counts_with_those_around_it(system):
    folder = "/sys/fs/cgroup/cpu,cpuacct/docker/abc"
    files = v1_files(folder, 700000) | v1_files("/sys/fs/cgroup/cpu,cpuacct/docker", 300000)
    own = "9:memory:/elsewhere\n4:cpuacct,cpu:/docker/abc\n1:name=systemd:/docker/abc"
    assert quota_cores(system(own, [v1("/sys/fs/cgroup/cpu,cpuacct")], files)) == 3


@pytest.mark.parametrize(("quota", "period"), [(-1, 100000), (200000, 0), (200000, ""), ("", 100000), ("x", "y")])
def test_no_quota_of_version_1(system, quota, period):
    files = v1_files("/sys/fs/cgroup/cpu", quota, period)
    assert quota_cores(system("4:cpu:/", [v1()], files)) is None


def test_with_both_versions_the_smaller_counts(system):
    mounts = [v1(), v2("/sys/fs/cgroup/unified")]
    own = "1:cpu:/app\n0::/app"
    files = v1_files("/sys/fs/cgroup/cpu/app", 500000)
    assert quota_cores(system(own, mounts, files)) == 5
    files["/sys/fs/cgroup/unified/app/cpu.max"] = "200000 100000"
    assert quota_cores(system(own, mounts, files)) == 2


@pytest.mark.parametrize(
    ("own", "mounted"),
    [
        ("/", "/"),  # a cgroup namespace of its own
        ("/docker/abc", "/docker/abc"),  # the host's names, and only the container's part mounted
        ("/docker/abc", "/"),  # the host's names, which are not there
        ("/../..", "/"),  # outside of the namespace
        ("/../other", "/"),
        ("/", "/.."),  # mounted in the namespace around
        ("/kubepods/pod1/c1", "/kubepods/pod2/c2"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_what_is_mounted_counts_in_containers(system, own, mounted, version):
    if version == 2:
        root = system(f"0::{own}", [v2(root=mounted)], {"/sys/fs/cgroup/cpu.max": "200000 100000"})
    else:
        root = system(f"3:cpu:{own}", [v1(root=mounted)], v1_files("/sys/fs/cgroup/cpu", 200000))
    assert quota_cores(root) == 2


def test_a_nested_cgroup_in_a_container_is_found_below_the_mount(system):
    files = {"/sys/fs/cgroup/inner/cpu.max": "200000 100000", "/sys/fs/cgroup/cpu.max": "max 100000"}
    assert quota_cores(system("0::/docker/abc/inner", [v2(root="/docker/abc")], files)) == 2


def test_no_folder_beside_the_mount_is_read(system):
    files = {"/sys/fs/cgroup/cpu.max": "max 100000", "/sys/fs/other/cpu.max": "100000 100000"}
    assert quota_cores(system("0::/../other", [v2()], files)) is None


def test_a_mount_that_does_not_show_the_process_gives_way_to_one_that_does(system):
    mounts = [v2("/mnt/part", root="/part"), v2()]
    files = {"/mnt/part/cpu.max": "100000 100000", "/sys/fs/cgroup/app/cpu.max": "400000 100000"}
    assert quota_cores(system("0::/app", mounts, files)) == 4


def test_only_mounts_of_the_cpu_controller_count(system):
    cpuset = "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset"
    files = v1_files("/sys/fs/cgroup/cpuset", 100000) | v1_files("/sys/fs/cgroup/cpu", 300000)
    assert quota_cores(system("1:cpu:/", [cpuset, v1()], files)) == 3


def test_each_version_is_looked_for_in_its_own_mounts(system):
    mounts = [v2("/sys/fs/cgroup/unified"), v1(root="/docker/abc")]
    assert quota_cores(system("1:cpu:/app\n0::/app", mounts, v1_files("/sys/fs/cgroup/cpu", 300000))) == 3


def test_names_with_spaces_and_colons(system):
    files = {"/mnt/my groups/a:b c/cpu.max": "200000 100000"}
    assert quota_cores(system("0::/a:b c", [v2(r"/mnt/my\040groups")], files)) == 2


@pytest.mark.parametrize(
    ("own", "mounts"),
    [
        ("", [v2()]),
        ("0::/", []),
        ("no colons\n0:cpu\n0::relative", [v2()]),
        ("0::/", ["31 23 0:28 / /sys/fs/cgroup rw - cgroup2", "- - -", " - ", v2(point="relative")]),
        ("1:cpuset:/", [v1()]),
    ],
)
def test_what_cannot_be_understood_is_no_quota(system, own, mounts):
    files = {"/sys/fs/cgroup/cpu.max": "100000 100000"} | v1_files("/sys/fs/cgroup/cpu", 100000)
    assert quota_cores(system(own, mounts, files)) is None


def test_files_that_cannot_be_read_are_no_quota(tmp_path, system):
    assert quota_cores(tmp_path / "nothing") is None
    root = system("0::/", [v2()], {})
    (root / "sys/fs/cgroup/cpu.max").mkdir(parents=True)
    assert quota_cores(root) is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity_of_a_real_process(run_python):
    code = """if True:
        import os
        from ortembed.cores import affinity_cores, available_cores, choose_threads
        before = affinity_cores()
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(before, affinity_cores(), available_cores(), choose_threads(None))
    """
    assert run_python(code, ORTEMBED_NUM_THREADS="").split() == [str(len(os.sched_getaffinity(0))), "1", "1", "1"]


@pytest.fixture
def real_cgroup():
    """A cgroup of this machine's own below that of this process, where one can be made."""
    for folder, is_v2 in cores._cgroups(cores.Path("/")):
        made = folder / f"ortembed-test-{os.getpid()}"
        try:
            made.mkdir()
        except OSError:
            continue
        if (made / ("cpu.max" if is_v2 else "cpu.cfs_quota_us")).exists():
            yield made, is_v2
            made.rmdir()
            return
        made.rmdir()
    pytest.skip("no cgroup with a CPU quota can be made here")


def test_quota_of_a_real_cgroup(real_cgroup):
    folder, is_v2 = real_cgroup
    code = """if True:
        import os, pathlib, sys
        pathlib.Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
        from ortembed.cores import quota_cores
        print(quota_cores())
    """
    for quota, expected in ((350000, "3"), (150000, "1")):
        if is_v2:
            (folder / "cpu.max").write_text(f"{quota} 100000")
        else:
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        command = [sys.executable, "-c", code, str(folder)]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == expected


@pytest.mark.parametrize(("quota", "expected"), [(None, 6), (2, 2), (9, 6)])
def test_the_smaller_of_affinity_and_quota_counts(monkeypatch, quota, expected):
    monkeypatch.setattr(cores, "affinity_cores", lambda: 6)
    monkeypatch.setattr(cores, "quota_cores", lambda: quota)
    assert available_cores() == expected


def test_threads_are_those_asked_for_then_the_variable_then_the_cores(monkeypatch):
    monkeypatch.setenv("ORTEMBED_NUM_THREADS", "5")
    assert choose_threads(3) == 3
    assert choose_threads(None) == 5
    monkeypatch.setenv("ORTEMBED_NUM_THREADS", "")
    assert choose_threads(None) == available_cores()
    monkeypatch.delenv("ORTEMBED_NUM_THREADS")
    assert choose_threads(None) == available_cores() <= affinity_cores()


@pytest.mark.parametrize("threads", [0, -1, 1025, True, 2.0, "2"])
def test_a_wrong_number_of_threads_is_refused(threads):
    with pytest.raises(InvalidInputError, match="threads is .*, not an int from 1 to 1024"):
        choose_threads(threads)


@pytest.mark.parametrize("text", ["0", "-1", "1025", "two", "2.0", " 2", "1_0", "٢", "9" * 5000])
def test_a_wrong_variable_is_refused_by_its_name(monkeypatch, text):
    monkeypatch.setenv("ORTEMBED_NUM_THREADS", text)
    with pytest.raises(InvalidInputError, match="ORTEMBED_NUM_THREADS is .*, not an int from 1 to 1024"):
        choose_threads(None)
