// Outputs that appear whole or not at all, and read-only maps.
#include "host/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "host/base/error.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

std::size_t entries(const test::TemporaryFolder& folder) {
    const auto list = std::filesystem::directory_iterator(folder.path());
    return static_cast<std::size_t>(std::distance(begin(list), end(list)));
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
    const test::TemporaryFolder folder;
    {
        AtomicFile file(folder / "out", false);
        file.write(bytes_of(std::string("half")));
        EXPECT_FALSE(std::filesystem::exists(folder / "out"));
    }
    EXPECT_EQ(entries(folder), 0U) << "an abandoned output leaves nothing behind";
    AtomicFile file(folder / "out", false);
    file.write(bytes_of(std::string("Whole")));
    file.write_at(0, bytes_of(std::string("w")));
    EXPECT_EQ(file.size(), 5U);
    file.commit();
    EXPECT_EQ(test::read_file(folder / "out"), "whole");
    EXPECT_EQ(entries(folder), 1U);
}

TEST(AtomicFile, ReplacesOnlyWhenAsked) {
    const test::TemporaryFolder folder;
    test::write_file(folder / "out", "old");
    EXPECT_THROW(AtomicFile(folder / "out", false), InputError);
    AtomicFile file(folder / "out", true);
    file.write(bytes_of(std::string("new")));
    EXPECT_EQ(test::read_file(folder / "out"), "old");
    file.commit();
    EXPECT_EQ(test::read_file(folder / "out"), "new");
}

TEST(AtomicFile, DoesNotOverwriteAFileThatAppearedMeanwhile) {
    const test::TemporaryFolder folder;
    AtomicFile file(folder / "out", false);
    test::write_file(folder / "out", "other");
    EXPECT_THROW(file.commit(), InputError);
    EXPECT_EQ(test::read_file(folder / "out"), "other");
}

TEST(AtomicFile, NeverReplacesWhatIsNoFile) {
    const test::TemporaryFolder folder;
    ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
    EXPECT_THROW(AtomicFile(folder / "pipe", true), InputError);
    EXPECT_THROW(AtomicFile(folder.path(), true), InputError);
    EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
    EXPECT_EQ(entries(folder), 1U);
}

TEST(AtomicFile, NamesAPlaceThatCannotBeWritten) {
    try {
        const AtomicFile file("/nonexistent-folder/out", false);
        FAIL();
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("/nonexistent-folder/out"), std::string::npos);
    }
}

TEST(MappedFile, MapsAndRefuses) {
    const test::TemporaryFolder folder;
    test::write_file(folder / "in", "bytes");
    MappedFile file = MappedFile::open(folder / "in");
    EXPECT_EQ(file.bytes().size(), 5U);
    const MappedFile moved = std::move(file);
    EXPECT_EQ(std::to_integer<char>(moved.bytes()[4]), 's');
    test::write_file(folder / "empty", "");
    EXPECT_TRUE(MappedFile::open(folder / "empty").bytes().empty());
    EXPECT_THROW(MappedFile::open(folder / "missing"), InputError);
    EXPECT_THROW(MappedFile::open(folder.path()), InputError);
}

TEST(MappedFile, BytesInMemoryStandForAFile) {
    const std::string content(3 * 65536, 'x');  // whole pages inside, which advice to forget could clear
    MappedFile file = MappedFile::in_memory("name", bytes_of(content));
    file.forget(0, content.size());
    const MappedFile moved = std::move(file);
    EXPECT_EQ(moved.path(), "name");
    EXPECT_EQ(moved.bytes().data(), bytes_of(content).data()) << "not a copy";
    EXPECT_EQ(text_of(moved, content.size()), std::string(3 * 65536, 'x'));
    EXPECT_THROW(static_cast<void>(text_of(moved, content.size() - 1)), InputError);
}

TEST(FileFolder, IsADirectoryOrBytesInMemory) {
    const test::TemporaryFolder directory;
    const std::string content = "content";
    test::write_file(directory / "a", content);
    for (const FileFolder& folder :
         {FileFolder(directory.path()), FileFolder(directory.path(), {{"a", bytes_of(content)}})}) {
        EXPECT_TRUE(folder.contains("a"));
        EXPECT_FALSE(folder.contains("b"));
        EXPECT_EQ(text_of(folder.open("a"), 7), content);
        EXPECT_EQ(folder.where("a"), (directory / "a").string());
        try {
            static_cast<void>(folder.open("b"));
            FAIL();
        } catch (const InputError& error) {
            EXPECT_NE(std::string(error.what()).find((directory / "b").string()), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace setun
