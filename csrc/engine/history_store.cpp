#include "engine/history_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "engine/interrupt.hpp"

namespace dualwave {
namespace {

class HostStore : public HistoryStore {
 public:
  explicit HostStore(Index bytes) : bytes_(new unsigned char[static_cast<std::size_t>(bytes)]) {}
  void write(const void* from, std::size_t bytes, Index at) override {
    std::memcpy(bytes_.get() + at, from, bytes);
  }
  void read(void* to, std::size_t bytes, Index at) override { std::memcpy(to, bytes_.get() + at, bytes); }

 private:
  std::unique_ptr<unsigned char[]> bytes_;  // untouched, and so not yet taken
};

// Where temporary files go, unless it is said.
std::string folder_of(const std::string& given) {
  if (!given.empty()) return given;
  const char* temporary = std::getenv("TMPDIR");
  return temporary && *temporary ? temporary : "/tmp";
}

[[noreturn]] void fail(int error, const std::string& folder) {
  throw std::system_error(error, std::generic_category(), "storage_path: a history in '" + folder + "'");
}

int open_without_name(const std::string& folder) {
#if defined(O_TMPFILE)
  const int file = open(folder.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  // Some file systems have no such files.
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
#endif
  std::string name = folder + "/dualwave-XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

int take_space(int file, Index bytes) {
#if defined(__linux__)
  int error = EINTR;
  while (error == EINTR && !interrupted()) error = posix_fallocate(file, 0, bytes);
  return error;
#else
  return ftruncate(file, bytes) == 0 ? 0 : errno;
#endif
}

class FileStore : public HistoryStore {
 public:
  FileStore(const std::string& folder, Index bytes) : folder_(folder), file_(open_without_name(folder)) {
    if (file_ < 0) fail(errno, folder);
    if (const int error = bytes > 0 ? take_space(file_, bytes) : 0) {
      close(file_);
      fail(error, folder);
    }
  }
  ~FileStore() override { close(file_); }
  void write(const void* from, std::size_t bytes, Index at) override {
    move(bytes, [&](std::size_t done) {
      return pwrite(file_, static_cast<const char*>(from) + done, bytes - done,
                    at + static_cast<Index>(done));
    });
  }
  void read(void* to, std::size_t bytes, Index at) override {
    move(bytes, [&](std::size_t done) {
      return pread(file_, static_cast<char*>(to) + done, bytes - done, at + static_cast<Index>(done));
    });
  }

 private:
  // The system may move fewer bytes than it is asked to.
  template <class F>
  void move(std::size_t bytes, F&& some) {
    for (std::size_t done = 0; done < bytes;) {
      const ssize_t count = some(done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail(count < 0 ? errno : EIO, folder_);
      done += static_cast<std::size_t>(count);
    }
  }

  const std::string folder_;
  const int file_;
};

}  // namespace

std::unique_ptr<HistoryStore> make_host_store(Index bytes) { return std::make_unique<HostStore>(bytes); }

std::unique_ptr<HistoryStore> make_file_store(const std::string& folder, Index bytes) {
  return std::make_unique<FileStore>(folder_of(folder), bytes);
}

}  // namespace dualwave
