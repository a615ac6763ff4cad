// The default path of face_recognition 1.3.0 with a dlib that uses BLAS, for bench/recogniser.py.
//
// dlib_path SHAPE_PREDICTOR RESNET wall|cpu, then on standard input one line a picture: WIDTH HEIGHT PATH, the file
// holding its raw RGB bytes. One line answers: FACES DETECT_MS LANDMARKS_MS EMBED_MS. Decoding is not in it.
#include <time.h>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <dlib/dnn.h>
#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>

using namespace dlib;

// the network that the model file holds: 29 convolutions in residual blocks
template <template <int, template <typename> class, int, typename> class block, int n,
          template <typename> class norm, typename input>
using residual = add_prev1<block<n, norm, 1, tag1<input>>>;
template <template <int, template <typename> class, int, typename> class block, int n,
          template <typename> class norm, typename input>
using residual_down = add_prev2<avg_pool<2, 2, 2, 2, skip1<tag2<block<n, norm, 2, tag1<input>>>>>>;
template <int n, template <typename> class norm, int stride, typename input>
using two_convolutions = norm<con<n, 3, 3, 1, 1, relu<norm<con<n, 3, 3, stride, stride, input>>>>>;
template <int n, typename input>
using same = relu<residual<two_convolutions, n, affine, input>>;
template <int n, typename input>
using down = relu<residual_down<two_convolutions, n, affine, input>>;
template <typename input> using stage_256 = down<256, input>;
template <typename input> using stage_256_same = same<256, same<256, down<256, input>>>;
template <typename input> using stage_128 = same<128, same<128, down<128, input>>>;
template <typename input> using stage_64 = same<64, same<64, same<64, down<64, input>>>>;
template <typename input> using stage_32 = same<32, same<32, same<32, input>>>;
using network = loss_metric<fc_no_bias<
    128, avg_pool_everything<stage_256<stage_256_same<stage_128<stage_64<stage_32<
             max_pool<3, 3, 2, 2, relu<affine<con<32, 7, 7, 2, 2, input_rgb_image_sized<150>>>>>>>>>>>>>;

static clockid_t clock_used = CLOCK_MONOTONIC;

static double now_ms() {
  timespec at;
  clock_gettime(clock_used, &at);
  return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

int main(int count, char** given) {
  if (count != 4) {
    std::cerr << "usage: dlib_path SHAPE_PREDICTOR RESNET wall|cpu\n";
    return 2;
  }
  if (std::string(given[3]) == "cpu") clock_used = CLOCK_THREAD_CPUTIME_ID;
  frontal_face_detector detector = get_frontal_face_detector();
  shape_predictor predictor;
  network net;
  deserialize(given[1]) >> predictor;
  deserialize(given[2]) >> net;
  std::cout << "ready" << std::endl;
  long width, height;
  std::string path;
  while (std::cin >> width >> height && std::getline(std::cin >> std::ws, path)) {
    matrix<rgb_pixel> image(height, width);
    std::ifstream(path, std::ios::binary)
        .read(reinterpret_cast<char*>(&image(0, 0)), 3 * width * height);
    double start = now_ms();
    matrix<rgb_pixel> large = image;
    pyramid_up(large);
    std::vector<rectangle> boxes = detector(large);
    pyramid_down<2> pyramid;
    for (rectangle& box : boxes) box = pyramid.rect_down(box);
    const double detect_ms = now_ms() - start;
    start = now_ms();
    std::vector<matrix<rgb_pixel>> chips;
    for (const rectangle& box : boxes) {
      matrix<rgb_pixel> chip;
      extract_image_chip(image, get_face_chip_details(predictor(image, box), 150, 0.25), chip);
      chips.push_back(std::move(chip));
    }
    const double landmarks_ms = now_ms() - start;
    start = now_ms();
    for (const matrix<rgb_pixel>& chip : chips) net(chip);
    std::cout << boxes.size() << ' ' << detect_ms << ' ' << landmarks_ms << ' ' << (now_ms() - start) << std::endl;
  }
}
